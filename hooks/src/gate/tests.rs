//! The engine over a candidate in memory.

use super::*;
use crate::{
    Finding, PathGlob,
    candidate::{FileChange, FoundFile, PolicyIds},
    testing::MemoryCandidate,
};
use crate::{candidate::RawEntry, policy::Policy};
use bytes::Bytes;
use configbus_model::{Namespace, Principal};

/// A candidate made by hand.
#[derive(Default)]
struct Pushed {
    /// Directory, entry name and mode of new objects.
    entries: Vec<(&'static str, &'static [u8], u32)>,
    /// Path and size of new contents; the id is that of the path as content.
    contents: Vec<(&'static str, u64)>,
    /// The landing tree's changed files, or a failure to read it.
    files: Option<MemoryCandidate>,
}

impl Candidate for Pushed {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError> {
        for (path, name, mode) in &self.entries {
            let _ = visit(NewObject::Directory { path, entries: &[RawEntry { name, mode: *mode }] });
        }
        for (path, size_bytes) in &self.contents {
            let _ = visit(NewObject::Content { path, id: id(path), size_bytes: *size_bytes });
        }
        Ok(())
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        self.readable()?.changes()
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        match self.contents.iter().find(|(path, _)| id(path) == file.state.id) {
            Some((path, _)) => Ok(Bytes::copy_from_slice(path.as_bytes())),
            None => self.readable()?.content(file),
        }
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        self.files.as_ref().map_or(Ok(()), |files| files.changed_directories(visit))
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.readable()?.base_file(path)
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.readable()?.landing_file(path)
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        self.readable()?.policy_ids()
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        self.readable()?.landing_files(wanted)
    }
}

impl Pushed {
    fn readable(&self) -> Result<&MemoryCandidate, CandidateError> {
        self.files.as_ref().ok_or_else(|| CandidateError::read("tree", "unreadable"))
    }
}

fn id(path: &str) -> ObjectId {
    configbus_model::blob_id(path.as_bytes()).unwrap().object_id()
}

fn files<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<MemoryCandidate> {
    Some(paths.into_iter().fold(MemoryCandidate::default(), |files, path| files.put(path, "")))
}

fn check(gate: &Gate, candidate: &dyn Candidate, principal: &Principal) -> Result<Report, CandidateError> {
    gate.check(
        candidate,
        &Context { principal, namespace: &Namespace::main(), now_ms: 0, mounts: crate::Mounts::default() },
    )
}

fn check_found(settings: GateSettings, candidate: &Pushed) -> Vec<(String, Rule)> {
    let report = check(&Gate::new(settings).unwrap(), candidate, &Principal::open()).unwrap();
    report.findings.into_iter().map(|finding| (finding.path, finding.rule)).collect()
}

fn found(pairs: &[(&str, Rule)]) -> Vec<(String, Rule)> {
    pairs.iter().map(|(path, rule)| ((*path).to_owned(), *rule)).collect()
}

#[test]
fn objects_in_the_middle_of_a_push_are_held_to_shapes() {
    let candidate = Pushed {
        entries: vec![("a", b"link", 0o120_000), ("", b"module", 0o160_000), ("", b"fine", 0o100_644)],
        contents: vec![("old/big", 5 << 20), ("small", 1)],
        files: files([]),
    };
    let expected = [("a/link", Rule::Symlink), ("module", Rule::Submodule), ("old/big", Rule::FileSize)];
    assert_eq!(check_found(GateSettings::default(), &candidate), found(&expected));
}

#[test]
fn a_large_file_is_named_once() {
    let settings = GateSettings { file_size_bytes_max: 3, ..GateSettings::default() };
    let candidate = Pushed {
        contents: vec![("1234", 4)],
        files: Some(MemoryCandidate::default().put("a", "1234")),
        ..Pushed::default()
    };
    assert_eq!(check_found(settings, &candidate), found(&[("a", Rule::FileSize)]));
}

#[test]
fn landing_tree_is_held_to_depth_twins_and_width() {
    let settings = GateSettings { path_depth_max: 2, directory_entries_max: 3, ..GateSettings::default() };
    let paths = ["a/x", "A/y", "b/c/d", "z"];
    let files = files(paths);
    let expected = [(".", Rule::DirectoryWidth), ("a", Rule::Twins), ("b/c/d", Rule::Depth)];
    assert_eq!(check_found(settings, &Pushed { files, ..Pushed::default() }), found(&expected));
}

#[test]
fn an_unreadable_tree_is_an_error_unless_its_shapes_explain_it() {
    let gate = Gate::new(GateSettings::default()).unwrap();
    assert!(check(&gate, &Pushed::default(), &Principal::open()).is_err());
    let explained = Pushed { entries: vec![("", b"\xff", 0o100_644)], ..Pushed::default() };
    assert_eq!(check_found(GateSettings::default(), &explained), found(&[("\u{fffd}", Rule::Name)]));
}

#[test]
fn many_files_are_checked_on_several_threads_and_reported_in_order() {
    let settings = GateSettings { threads: 4, ..GateSettings::default() };
    let paths: Vec<String> = (0..200).map(|n| format!(".configbus/{n:03}")).collect();
    let candidate = Pushed { files: files(paths.iter().map(String::as_str)), ..Pushed::default() };
    let (gate, principal, mut seen) = (Gate::new(settings).unwrap(), Principal::open(), Vec::new());
    let context =
        Context { principal: &principal, namespace: &Namespace::main(), now_ms: 0, mounts: crate::Mounts::default() };
    let report = gate.check_with_progress(&candidate, &context, &mut |progress| seen.push(progress)).unwrap();
    assert_eq!((report.files_checked, report.findings_total), (200, 200));
    assert_eq!(report.findings[49].path, ".configbus/049");
    assert_eq!(seen.last(), Some(&Progress { files_checked: 200, files_total: 200 }));
}

#[test]
fn a_reader_changes_nothing() {
    let gate = Gate::new(GateSettings::default()).unwrap();
    let reader = Principal { roles: ["reader".parse().unwrap()].into_iter().collect(), ..Principal::open() };
    let report = check(&gate, &MemoryCandidate::default().put("a", "").put("b", ""), &reader).unwrap();
    let told = "anonymous may not change files of main; ask an admin for the role writer: found reader, expected writer or admin";
    assert_eq!(report.findings.iter().map(Finding::sentence).collect::<Vec<_>>(), [told]);
    assert!(check(&gate, &MemoryCandidate::default(), &reader).unwrap().is_accepted());
}

/// Wants every `.txt` looked at when the teams change, and finds each file wrong that says so.
struct Picky;

impl Governed for Picky {
    fn reopened(&self, case: &Case<'_>) -> Result<Vec<PathGlob>, CandidateError> {
        let is_teams = |change: &FileChange| change.path == ".configbus/teams.yaml";
        let globs = case.changes.iter().filter(|change| is_teams(change)).map(|_| PathGlob::parse("*.txt").unwrap());
        Ok(globs.collect())
    }

    fn reads(&self, _policy: &Policy, _path: &str) -> bool {
        false
    }

    fn check(&self, case: &Case<'_>, files: &[LandingFile], findings: &mut Findings) -> Result<(), CandidateError> {
        for file in files {
            if case.candidate.content(file)? == "wrong" {
                findings.add(Finding::new(Rule::CheckFailed, &file.path, "says so"));
            }
        }
        Ok(())
    }
}

#[test]
fn what_policy_governs_is_looked_at_again_when_policy_changes() {
    let gate = Gate { governed: vec![Box::new(Picky)], ..Gate::new(GateSettings::default()).unwrap() };
    let base = [("old.txt", "wrong"), ("old.csv", "wrong")];
    let found = |candidate: &MemoryCandidate, principal: &Principal| {
        let report = check(&gate, candidate, principal).unwrap();
        let found = report.findings.into_iter().map(|finding| finding.path).collect::<Vec<_>>();
        (found, report.files_checked)
    };
    let open = Principal::open();
    let change = MemoryCandidate::on(base).put("new.csv", "wrong").put("bad.json", "{");
    let bad = || "bad.json".to_owned();
    assert_eq!(found(&change, &open), (vec![bad(), "new.csv".into()], 2));
    let with_policy = change.clone().put(".configbus/teams.yaml", "a: [b]");
    assert_eq!(found(&with_policy, &open), (vec![bad(), "new.csv".into(), "old.txt".into()], 4));
    let broken = change.put(".configbus/teams.yaml", "a: b");
    assert_eq!(found(&broken, &open).0, [".configbus/teams.yaml", "bad.json"], "by it nothing is judged");
    let writer = Principal { roles: ["writer".parse().unwrap()].into_iter().collect(), ..open };
    assert_eq!(
        found(&with_policy, &writer).0,
        [".configbus/teams.yaml", "bad.json"],
        "nor for whom may not propose it"
    );
}

/// A token that never was one, put together here so that no gate takes this file for a leak.
fn token() -> String {
    format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17")
}

fn judged(candidate: &dyn Candidate) -> Report {
    let (principal, namespace) = (Principal::open(), Namespace::main());
    let context = Context { principal: &principal, namespace: &namespace, now_ms: 0, mounts: crate::Mounts::default() };
    Gate::new(GateSettings::default()).unwrap().check(candidate, &context).unwrap()
}

const ALLOWED: &str = "- {files: /docs/, rule: secret/github-token, reason: published example}\n";

#[test]
fn secrets_are_refused_unless_policy_allows_them() {
    let content = format!("key: {}\n", token());
    let base = MemoryCandidate::on([(".configbus/allow.yaml", ALLOWED)]);
    let report = judged(&base.clone().put("docs/a.yaml", content.clone()).put("b.yaml", content));
    assert_eq!(report.findings_total, 1);
    assert_eq!((&*report.findings[0].path, report.findings[0].rule), ("b.yaml", Rule::SecretGithub));
    assert!(!format!("{report:?}").contains(&token()[8..]));
}

#[test]
fn a_secret_in_the_middle_of_a_push_is_refused() {
    let path: &'static str = token().leak();
    let pushed = Pushed { contents: vec![(path, 40)], files: files(["a"]), ..Pushed::default() };
    let report = judged(&pushed);
    assert_eq!((report.findings_total, report.findings[0].rule, report.files_checked), (1, Rule::SecretGithub, 1));
}

#[test]
fn what_is_no_longer_allowed_is_looked_at_again() {
    let content = format!("key: {}\n", token());
    let base =
        MemoryCandidate::on([(".configbus/allow.yaml", ALLOWED), ("docs/a.yaml", &content), ("c.yaml", &content)]);
    let report = judged(&base.delete(".configbus/allow.yaml"));
    assert_eq!(report.findings.iter().map(|finding| &*finding.path).collect::<Vec<_>>(), ["docs/a.yaml"]);
}

#[test]
fn a_problem_beside_a_secret_does_not_show_it() {
    let content = format!("{{\"key\": \"{}\",}}", token());
    let report = judged(&MemoryCandidate::on([]).put("a.json", content));
    assert_eq!(report.findings_total, 2);
    assert!(!report.render_plain().contains(&token()[8..]), "{}", report.render_plain());
}
