//! The gate over real configuration files: a thousand that are right, and some that are not.
//!
//! They come from [`SchemaStore`].

use configbus_hooks::{
    Context, Gate, GateSettings, Mounts, Report, Rule,
    testing::{MemoryCandidate, NamedFiles, SchemaStore},
};
use configbus_model::{Namespace, Principal};
use std::{collections::BTreeSet, fs, path::Path, time::Instant};

fn check(folder: &Path) -> Report {
    check_with(&Gate::new(GateSettings::default()).expect("the defaults hold"), folder)
}

fn check_with(gate: &Gate, folder: &Path) -> Report {
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    gate.check_working_copy(folder, &context, &mut |_| {}).expect("the files can be read")
}

#[test]
fn every_valid_file_and_schema_is_accepted() {
    let store = SchemaStore::unpack();
    for (name, files) in [("schemas", 249), ("valid", 811)] {
        let report = check(&store.folder().join(name));
        assert!(report.is_accepted(), "{name}:\n{}", report.render_plain());
        assert_eq!(report.files_checked, files, "{name}");
    }
}

/// These violate their schemas and nothing else: the syntax gate lets every one of them through.
#[test]
fn files_that_only_violate_their_schema_pass() {
    let report = check(&SchemaStore::unpack().folder().join("invalid"));
    assert!(report.is_accepted(), "{}", report.render_plain());
    assert_eq!(report.files_checked, 434);
}

/// The files, with one `schemas.yaml`.
struct Corpus {
    policy: String,
    schemas: NamedFiles,
    valid: NamedFiles,
    invalid: NamedFiles,
}

impl Corpus {
    fn read() -> Self {
        let store = SchemaStore::unpack();
        Self { policy: store.policy(), schemas: store.schemas(), valid: store.valid(), invalid: store.invalid() }
    }

    fn all_valid(&self, mut candidate: MemoryCandidate) -> MemoryCandidate {
        candidate = candidate.put(SchemaStore::POLICY, self.policy.clone());
        for (path, content) in self.schemas.iter().chain(&self.valid) {
            candidate = candidate.put(path, content.clone());
        }
        candidate
    }
}

fn check_candidate(gate: &Gate, candidate: &MemoryCandidate) -> Report {
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    gate.check(candidate, &context).expect("memory can be read")
}

#[test]
fn all_valid_files_satisfy_their_schemas_and_each_invalid_one_is_refused_by_name() {
    let corpus = Corpus::read();
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    let start = Instant::now();
    let landed = corpus.all_valid(MemoryCandidate::default());
    let report = check_candidate(&gate, &landed);
    assert!(report.is_accepted(), "{}", report.render_plain());
    assert_eq!(report.files_checked, corpus.schemas.len() + corpus.valid.len() + 1);
    let cold = start.elapsed();
    let start = Instant::now();
    let landed = landed.land();
    let wrongly_accepted = corpus.invalid.iter().filter(|(path, content)| {
        let report = check_candidate(&gate, &landed.clone().put(path, content.clone()));
        let is_told =
            |finding: &configbus_hooks::Finding| finding.path == *path && finding.rule.as_str().starts_with("schema/");
        report.is_accepted() || !report.findings.iter().all(is_told)
    });
    let wrongly_accepted: Vec<_> = wrongly_accepted.map(|(path, _)| path).collect();
    assert!(wrongly_accepted.is_empty(), "{wrongly_accepted:#?}");
    println!(
        "{} valid files accepted with {} schemas in {cold:?}, {} invalid ones refused in {:?}",
        corpus.valid.len(),
        corpus.schemas.len(),
        corpus.invalid.len(),
        start.elapsed()
    );
}

#[test]
fn a_working_copy_gets_the_same_verdicts() {
    let corpus = Corpus::read();
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    corpus.invalid.chunks(4).for_each(|heap| check_refused_by_name(&gate, &corpus, heap));
}

/// A report lists fifty findings, so the files come in small heaps, and one by one where even these have more.
fn check_refused_by_name(gate: &Gate, corpus: &Corpus, heap: &[(String, Vec<u8>)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = [(SchemaStore::POLICY.to_owned(), corpus.policy.clone().into_bytes())];
    for (path, content) in policy.iter().chain(&corpus.schemas).chain(heap) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    let report = check_with(gate, folder.path());
    if report.findings_unlisted() > 0 && heap.len() > 1 {
        return heap.chunks(1).for_each(|one| check_refused_by_name(gate, corpus, one));
    }
    let refused: BTreeSet<_> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(refused, heap.iter().map(|(path, _)| path.as_str()).collect(), "{}", report.render_plain());
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("it is below a usize")
    }

    /// Deletes, doubles, swaps or replaces a few bytes.
    fn damage(&mut self, content: &mut Vec<u8>) {
        const BYTES: &[u8] = b"{}[]\"':,-#&*!|>%@`\n\t 0e.=/\\\xff\x00";
        for _ in 0..=self.below(3) {
            let at = self.below(content.len());
            match self.below(4) {
                0 => drop(content.remove(at)),
                1 => content.insert(at, BYTES[self.below(BYTES.len())]),
                2 => content[at] = BYTES[self.below(BYTES.len())],
                _ => content.truncate(at.max(1)),
            }
            if content.is_empty() {
                content.push(b' ');
            }
        }
    }
}

fn usual_parser_accepts(path: &str, content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    match path.rsplit('.').next() {
        Some("json") => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        Some("toml") => toml::from_str::<toml::Table>(text).is_ok(),
        _ => serde_saphyr::from_multiple::<serde::de::IgnoredAny>(text).is_ok(),
    }
}

#[test]
fn of_damaged_files_none_crashes_a_check_and_none_is_accepted_that_a_usual_parser_refuses() {
    let valid = SchemaStore::unpack().valid();
    let mut dice = Dice(0x5eed_cafe_f00d);
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    for (path, content) in valid.iter().chain(&valid) {
        let mut content = content.clone();
        if content.is_empty() || content.len() > 20_000 {
            continue;
        }
        dice.damage(&mut content);
        let name = path.rsplit('/').next().expect("a path has a name");
        let report =
            gate.check(&MemoryCandidate::default().put(name, content.clone()), &context).expect("memory can be read");
        let shown = String::from_utf8_lossy(&content);
        assert!(report.findings.iter().all(|finding| finding.rule != Rule::CheckFailed), "{name}:\n{shown}");
        assert!(!report.is_accepted() || usual_parser_accepts(name, &content), "{name}:\n{shown}");
    }
}
