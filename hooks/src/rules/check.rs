//! Which rules are asked about which files, and in what order.

use super::finding::Told;
use crate::{
    Finding, PathGlob, Rule, RulesSettings,
    candidate::{CandidateError, LandingFile},
    check::Findings,
    evaluator::{Deadline, Evaluator, EvaluatorError, Occasion, RuleText, Subject},
    policy::{Case, Governed, Policy, RULES, RuleEntry},
};
use configbus_model::at_most;
use std::{collections::BTreeSet, path::PathBuf, time::Instant};

/// Asks the evaluator.
pub(crate) struct RuleCheck {
    evaluator: Evaluator,
    settings: RulesSettings,
}

impl RuleCheck {
    pub(crate) fn new(settings: RulesSettings, program: Option<PathBuf>) -> Self {
        Self { evaluator: Evaluator::new(settings.clone(), program), settings }
    }

    /// Adds what is no expression, if the rules changed. Nothing is held to rules that are not all sound.
    fn are_expressions(&self, case: &Case<'_>, findings: &mut Findings) -> Result<bool, CandidateError> {
        let rules = &case.after().policy.rules;
        if !case.changes.iter().any(|change| change.path == RULES) {
            return Ok(true);
        }
        let texts = rules.iter().map(|rule| rule.expression.clone()).collect();
        let errors = self.evaluator.compile(texts)?;
        let wrong: Vec<_> = rules.iter().zip(errors).filter_map(|(rule, error)| Some((rule, error?))).collect();
        for (rule, error) in &wrong {
            findings.add(super::finding::not_an_expression(rule, error));
        }
        Ok(wrong.is_empty())
    }

    /// Holds one file to the rules that govern it.
    fn judge(
        &self,
        round: &Round<'_>,
        path: &str,
        new: Option<&[u8]>,
        findings: &mut Findings,
    ) -> Result<(), CandidateError> {
        let governs = |rule: &&RuleEntry| rule.governs(path) && (new.is_some() || rule.on_delete);
        let rules: Vec<&RuleEntry> = round.case.after().policy.rules.iter().filter(governs).collect();
        if rules.is_empty() {
            return Ok(());
        }
        let old = round.case.candidate.base_file(path)?.map(|file| file.content);
        let subject = Subject { path, new, old: old.as_deref() };
        let text = |rule: &&RuleEntry| RuleText { expression: rule.expression.clone(), on_delete: rule.on_delete };
        let texts: Vec<_> = rules.iter().map(text).collect();
        let judged = self.evaluator.judge(&texts, &subject, &round.occasion, round.deadline)?;
        let told = Told { path, content: new.or(old.as_deref()).unwrap_or_default(), settings: &self.settings };
        judged.breaches.iter().for_each(|breach| findings.add_with(|| told.breach(rules[breach.rule], breach)));
        // What was stopped because the candidate's time was over is told once, for all that follows.
        if !round.deadline.is_over() {
            judged.lost.iter().for_each(|(rule, loss)| findings.add_with(|| told.lost(rules[*rule], *loss)));
        }
        Ok(())
    }
}

/// What stays the same while a candidate is judged.
struct Round<'a> {
    case: &'a Case<'a>,
    occasion: Occasion,
    deadline: Deadline,
}

impl Governed for RuleCheck {
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
        let before = case.before().map(|policy| policy.rules.as_slice()).unwrap_or_default();
        let is_new = |rule: &&RuleEntry| !before.iter().any(|known| known.is_same_as(rule));
        Ok(case.after().policy.rules.iter().filter(is_new).flat_map(|rule| rule.files.iter().cloned()).collect())
    }

    /// A rule sees its file before and after, and nothing else.
    fn reads(&self, _policy: &Policy, _path: &str) -> bool {
        false
    }

    fn compares(&self, policy: &Policy, path: &str) -> bool {
        policy.rules.iter().any(|rule| rule.governs(path))
    }

    fn check(&self, case: &Case<'_>, files: &[LandingFile], findings: &mut Findings) -> Result<(), CandidateError> {
        if case.after().policy.rules.is_empty() || !self.are_expressions(case, findings)? {
            return Ok(());
        }
        let started = Instant::now();
        let deadline = Deadline::after(self.settings.candidate_time_limit());
        let round = Round { case, occasion: occasion(case), deadline };
        let deleted = case.changes.iter().filter(|change| change.after.is_none()).map(|change| (&*change.path, None));
        let governed = files.iter().map(|file| (&*file.path, Some(file))).chain(deleted);
        for (path, file) in governed.filter(|(path, _)| case.after().policy.rules.iter().any(|rule| rule.governs(path)))
        {
            let new = file.map(|file| case.candidate.content(file)).transpose()?;
            self.judge(&round, path, new.as_deref(), findings)?;
            if deadline.is_over() {
                findings.add(self.out_of_time(path));
                break;
            }
        }
        metrics::histogram!("configbus_gate_rules_seconds").record(started.elapsed());
        Ok(())
    }
}

impl RuleCheck {
    fn out_of_time(&self, path: &str) -> Finding {
        let message = "rules were stopped at this file, because together they took too long; split the change or make them cheaper";
        let max = self.settings.candidate_time_limit_ms;
        let finding = Finding::new(Rule::RuleLimit, path, message).found(format!("more than {max} ms"));
        finding.expected(at_most(max, "ms for all files", "gate.rules.candidate_time_limit_ms"))
    }
}

/// Who asks is told by the policy in force, like ownership.
fn occasion(case: &Case<'_>) -> Occasion {
    let principal = case.context.principal;
    let teams: BTreeSet<_> = case.before().map(|policy| policy.teams.of(principal)).unwrap_or_default();
    Occasion {
        author: principal.name.to_string(),
        groups: principal.groups.iter().map(ToString::to_string).collect(),
        teams: teams.into_iter().map(ToString::to_string).collect(),
        now_ms: i64::try_from(case.context.now_ms).unwrap_or(i64::MAX),
    }
}

impl From<EvaluatorError> for CandidateError {
    fn from(error: EvaluatorError) -> Self {
        Self::Evaluation(error)
    }
}
