//! Checking again, inside the committer's queue, because others landed since the check.
//!
//! Contents were held to syntax and do not change on the way, and merges go file by file. Who may change what is judged again
//! each time, and so are directories: two changes can make twins together, or too many names. Everything else can only become
//! wrong if what it was judged by moved, which is told by paths in microseconds; judging anew may take long and is the
//! caller's, outside the queue.

use crate::{
    Context, Gate, Report,
    candidate::{Candidate, CandidateError},
    mounting, ownership,
    policy::{Case, is_policy},
    report::ReportBuilder,
};
use std::collections::HashSet;

/// What has become of a verdict.
#[derive(Debug)]
pub enum Recheck {
    /// It holds.
    Holds,
    /// The candidate is refused now.
    Refused(Report),
    /// It was judged by something else than what is there now: check again.
    Outdated,
}

impl Gate {
    /// Looks again at a candidate that was accepted on another base. `moved` are the paths at which that base differs from the
    /// present one.
    pub fn recheck(
        &self,
        candidate: &dyn Candidate,
        context: &Context<'_>,
        moved: &[&str],
    ) -> Result<Recheck, CandidateError> {
        let mut builder = ReportBuilder::new(self.settings());
        let changes = candidate.changes()?;
        let case = Case::open(&self.policies, candidate, context, changes)?;
        if self.is_outdated(&case, moved) {
            return Ok(Recheck::Outdated);
        }
        builder.add_verdict(ownership::judge(&case.changes, case.before(), context));
        let mounts = builder.unless_explained(mounting::judge(&case))?;
        builder.add(mounts.unwrap_or_default());
        let directories = self.check_directories(candidate, &mut builder);
        builder.unless_explained(directories)?;
        Ok(match builder.finish() {
            report if report.is_accepted() => Recheck::Holds,
            report => Recheck::Refused(report),
        })
    }

    /// Returns whether something moved that the verdict depends on: policy or a file that policy reads; a file that the
    /// candidate changes as well, where rules compare with what was there; a file that a validator gets, or that is judged,
    /// together with one of those. Where the candidate itself brings policy, anything may be governed by it.
    fn is_outdated(&self, case: &Case<'_>, moved: &[&str]) -> bool {
        let is_read =
            |path: &str| is_policy(path) || self.governed.iter().any(|family| family.reads(&case.after().policy, path));
        let own: HashSet<&str> = case.changes.iter().map(|change| change.path.as_str()).collect();
        let brings_policy = own.iter().any(|path| is_read(path));
        let is_seen_with = |path: &str| {
            let policy = &case.after().policy;
            self.validators.see_together(&own, path)
                || self.governed.iter().any(|family| family.judges_together(policy, &own, path))
        };
        let is_compared = |path: &str| {
            own.contains(path) && self.governed.iter().any(|family| family.compares(&case.after().policy, path))
        };
        moved.iter().any(|path| brings_policy || is_compared(path) || is_read(path) || is_seen_with(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        GateSettings, PathGlob,
        candidate::LandingFile,
        check::Findings,
        policy::{Governed, Policy},
        testing::MemoryCandidate,
    };
    use configbus_model::{Namespace, Principal, PrincipalName};

    /// Reads what is in `schemas/`.
    struct Reader;

    impl Governed for Reader {
        fn reopened(&self, _case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
            Ok(Vec::new())
        }

        fn reads(&self, _policy: &Policy, path: &str) -> bool {
            path.starts_with("schemas/")
        }

        fn check(&self, _: &Case<'_>, _: &[LandingFile], _: &mut Findings) -> Result<(), CandidateError> {
            Ok(())
        }
    }

    fn rechecked(candidate: &MemoryCandidate, moved: &[&str]) -> &'static str {
        let mut gate = Gate::new(GateSettings::default()).unwrap();
        gate.governed.push(Box::new(Reader));
        let roles = ["writer".parse().unwrap()].into_iter().collect();
        let eve = Principal::new(PrincipalName::parse("eve").unwrap(), roles);
        let context =
            Context { principal: &eve, namespace: &Namespace::main(), now_ms: 0, mounts: crate::Mounts::default() };
        match gate.recheck(candidate, &context, moved).unwrap() {
            Recheck::Holds => "holds",
            Recheck::Refused(_) => "refused",
            Recheck::Outdated => "outdated",
        }
    }

    #[test]
    fn a_verdict_holds_unless_what_it_was_judged_by_moved() {
        let on = [(".configbus/owners", "pay/ ada\n"), ("schemas/a.json", "{}")];
        let change = MemoryCandidate::on(on).put("x.json", "1");
        assert_eq!(rechecked(&change, &["y.json", "pay/z"]), "holds");
        assert_eq!(rechecked(&change, &[]), "holds");
        assert_eq!(rechecked(&change, &["y.json", "schemas/a.json"]), "outdated");
        assert_eq!(rechecked(&change, &[".configbus/teams.yaml"]), "outdated");
        assert_eq!(rechecked(&change, &["x.json"]), "outdated", "a rule may compare with what was there");
        let schema = MemoryCandidate::on(on).put("schemas/a.json", "true");
        assert_eq!(rechecked(&schema, &["y.json"]), "outdated", "it may be governed by the schema");
    }

    #[test]
    fn owners_and_directories_are_judged_each_time() {
        let on = [(".configbus/owners", "pay/ ada\n"), ("a", "")];
        assert_eq!(rechecked(&MemoryCandidate::on(on).put("pay/x", "1"), &["b"]), "refused");
        assert_eq!(rechecked(&MemoryCandidate::on(on).put("A", "1"), &["a2"]), "refused");
    }
}
