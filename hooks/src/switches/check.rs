//! Which files are read as which switches.

use super::{circle::Circles, company::check_company, reading::findings_of};
use crate::{
    Finding, PathGlob, Rule,
    candidate::{CandidateError, LandingFile},
    check::Findings,
    document::Format,
    policy::{Case, Governed, Policy, SwitchEntry, SwitchKind},
    schema::{SchemaSettings, on_workers},
};
use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Files read into memory at once.
const FILES_AT_ONCE: usize = 64;

/// Reads files of switches.
#[derive(Debug)]
pub(crate) struct SwitchCheck {
    schemas: SchemaSettings,
    workers_max: usize,
}

impl SwitchCheck {
    pub(crate) fn new(schemas: SchemaSettings, workers_max: usize) -> Self {
        Self { schemas, workers_max }
    }

    /// Reads one file. A check that panics refuses the file instead of stopping the process.
    fn inspect(&self, path: &str, content: &[u8], entry: &SwitchEntry) -> Vec<Finding> {
        let checked = catch_unwind(AssertUnwindSafe(|| findings_of(path, content, entry, &self.schemas)));
        checked.unwrap_or_else(|_| {
            let message = "the check of switches failed, so the file is refused; please report it as a defect";
            vec![Finding::new(Rule::CheckFailed, path, message)]
        })
    }
}

impl Governed for SwitchCheck {
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
        let switches = &case.after().policy.switches;
        let is_known =
            |entry: &&SwitchEntry| case.before().is_some_and(|policy| policy.switches.entries.contains(entry));
        let named = switches.entries.iter().filter(|entry| entry.is_named && !is_known(entry));
        let mut reopened: Vec<_> = named.flat_map(|entry| entry.files.iter().cloned()).collect();
        // What a file is judged together with is looked at with it, also when it goes.
        let changed = case.changes.iter().filter_map(|change| switches.company(&change.path));
        for place in changed {
            if !reopened.contains(place) {
                reopened.push(place.clone());
            }
        }
        Ok(reopened)
    }

    /// A file of switches stands alone, but for the prerequisites of features and for experiments of one place.
    fn reads(&self, policy: &Policy, path: &str) -> bool {
        policy.switches.entry(path).is_some_and(|entry| entry.kind == SwitchKind::Features)
    }

    fn compares(&self, _policy: &Policy, _path: &str) -> bool {
        false
    }

    fn judges_together(&self, policy: &Policy, own: &HashSet<&str>, path: &str) -> bool {
        let place = policy.switches.company(path);
        place.is_some_and(|place| own.iter().any(|own| policy.switches.company(own) == Some(place)))
    }

    fn check(&self, case: &Case<'_>, files: &[LandingFile], findings: &mut Findings) -> Result<(), CandidateError> {
        let switches = &case.after().policy.switches;
        let entry =
            |file: &LandingFile| switches.entry(&file.path).filter(|_| Format::of(&file.path).is_some()).cloned();
        let mut circles = Circles::new(case.candidate, switches);
        let files: Vec<_> = files.iter().filter_map(|file| Some((file, entry(file)?))).collect();
        for some in files.chunks(FILES_AT_ONCE) {
            let read = |(file, entry): &(&LandingFile, SwitchEntry)| {
                Ok::<_, CandidateError>((file.path.clone(), case.candidate.content(file)?, entry.clone()))
            };
            let some = some.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let found =
                on_workers(self.workers_max, &some, |(path, content, entry)| self.inspect(path, content, entry))?;
            for ((path, content, entry), found) in some.iter().zip(found) {
                if found.is_empty() && entry.kind == SwitchKind::Features {
                    circles.findings_of(path, content, entry)?.into_iter().for_each(|finding| findings.add(finding));
                }
                found.into_iter().for_each(|finding| findings.add(finding));
            }
        }
        check_company(case, &files, findings)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Gate, GateSettings, Mounts, Rule, testing::MemoryCandidate};
    use configbus_model::{Namespace, Principal};

    fn check_found(candidate: &MemoryCandidate) -> Vec<(Rule, String)> {
        let context = Context {
            principal: &Principal::open(),
            namespace: &Namespace::main(),
            now_ms: 0,
            mounts: Mounts::default(),
        };
        let report = Gate::new(GateSettings::default()).unwrap().check(candidate, &context).unwrap();
        let told = report.findings.iter().map(|finding| {
            let pointer = finding.pointer.clone().unwrap_or_default();
            (finding.rule, format!("{} {pointer} {}", finding.location(), finding.sentence()))
        });
        told.collect()
    }

    fn check_refused(path: &str, content: &str, expected: &str) {
        let found = check_found(&MemoryCandidate::default().put(path, content.to_owned()));
        assert!(found.iter().any(|(_, told)| told.contains(expected)), "{path}: {found:?}");
    }

    #[test]
    fn switches_in_their_default_places_are_read() {
        let good = MemoryCandidate::default()
            .put("web/decider.yml", "a:\n  comment: x\n  default_availability: 5000\n")
            .put("overlays/ads/decider_overlay.yml", "a: {default_availability: 1}")
            .put("toggles/configs/com.a.json", r#"{"toggles": [{"id": "com.a.b", "fraction": 1, "description": "x"}]}"#)
            .put("lib/toggles/configs/com.a-service.json", r#"{"toggles": [{"id": "com.a.b", "fraction": 1}]}"#)
            .put("flags/shop.yaml", "flags:\n  f: {state: ENABLED, variants: {on: true}, defaultVariant: on}\n");
        assert_eq!(check_found(&good), []);
        check_refused(
            "web/decider.yml",
            "a:\n  default_availability: 10001\n",
            "web/decider.yml:2:25 /a/default_availability availability is out of range: found 10001",
        );
        check_refused(
            "web/decider.yml",
            "a:\n  default_availability: 1\n  ownr: x\n",
            "web/decider.yml:3:3 /a/ownr key is not known here, so it would do nothing: found ownr, expected owner",
        );
        check_refused(
            "toggles/configs/com.a.json",
            r#"{"toggles": [{"id": "com.a.b", "fraction": 1}]}"#,
            "member 'description' is missing",
        );
        check_refused(
            "flags/a.json",
            r#"{"flags": {"f": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "of"}}}"#,
            "default is none of the variants: found of",
        );
    }

    #[test]
    fn tests_of_features_run_and_refuse() {
        let feature = |expected: bool| {
            format!(
                "owner: ada\nstage: beta\nparameters:\n  on: {{type: bool, default: false}}\nrules:\n  - when: {{country: DE}}\n    set: {{on: true}}\n\
                     tests:\n  - given: {{country: DE}}\n    expect: {{on: {expected}}}\n"
            )
        };
        assert_eq!(check_found(&MemoryCandidate::default().put("features/cart.yaml", feature(true))), []);
        let found = check_found(&MemoryCandidate::default().put("features/cart.yaml", feature(false)));
        let told = "features/cart.yaml:10:18 /tests/0/expect/on test fails, by rule 1: found true, expected false";
        assert_eq!(found, [(Rule::SwitchTest, told.to_owned())]);
    }

    #[test]
    fn prerequisites_that_lead_back_are_refused() {
        let feature = |requires: &str| {
            format!(
                "owner: ada\nstage: beta\nparameters:\n  on: {{type: bool, default: false}}\nrequires:\n  {requires}: {{on: true}}\n"
            )
        };
        let landed = MemoryCandidate::default().put("features/shop/a.yaml", feature("b")).put(
            "features/b.json",
            r#"{"owner": "ada", "stage": "beta", "parameters": {"on": {"type": "bool", "default": true}}}"#,
        );
        assert_eq!(check_found(&landed), []);
        let found = check_found(&landed.land().put(
            "features/b.json",
            r#"{"owner": "ada", "stage": "beta",
            "parameters": {"on": {"type": "bool", "default": true}}, "requires": {"shop/a.on": true}}"#,
        ));
        let told = "features/b.json:2:96 /requires/shop~1a.on prerequisites lead back to the feature, so that it would be off for \
                    everybody: b needs shop/a.on needs b";
        assert_eq!(found, [(Rule::SwitchInvalid, told.to_owned())]);
    }

    #[test]
    fn flags_are_held_to_the_published_schema_as_well() {
        let flags = r#"{"flags": {"f": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on",
            "targeting": {"sem_ver": [{"var": "v"}, "==", "1.0.0"]}}}}"#;
        let found = check_found(&MemoryCandidate::default().put("flags/a.json", flags));
        assert!(!found.is_empty() && found.iter().all(|(rule, _)| rule.as_str().starts_with("schema/")), "{found:?}");
    }

    #[test]
    fn what_is_plainly_something_else_is_left_alone_unless_it_is_named() {
        let others = MemoryCandidate::default()
            .put("flags/countries.json", r#"{"de": "black, red, gold"}"#)
            .put("game/decider.yml", "goals: 3\n")
            .put("toggles/configs/package.json", "[1]")
            .put("flags/readme.txt", "{");
        assert_eq!(check_found(&others), []);
        let named = others.land().put(".configbus/switches.yaml", "flags: flags/*.json\ndeciders: game/decider.yml\n");
        let mut found = check_found(&named);
        found.sort_by(|a, b| a.1.cmp(&b.1));
        let told: Vec<_> = found.iter().map(|(_, told)| told.as_str()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for (told, expected) in told.iter().zip([
            "flags/countries.json:1:1  member 'flags' is missing",
            "flags/countries.json:1:2 /de key is not known here, so it would do nothing: found de",
            "game/decider.yml:1:8 /goals value is of another kind: found 3, expected a mapping",
        ]) {
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
