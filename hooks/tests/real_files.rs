//! The gate over real configuration files: a thousand that are right, and some that are not.
//!
//! The files come from the archive `schemastore.tar.xz`, in the folder that `CONFIGBUS_TEST_DATA` names, else in
//! `../shared/data` beside the workspace.

use configbus_hooks::{Context, Gate, GateSettings, Report, Rule, testing::MemoryCandidate};
use configbus_model::{Namespace, Principal};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn archive() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let folder = env::var_os("CONFIGBUS_TEST_DATA").map_or_else(|| workspace.join("../shared/data"), PathBuf::from);
    let archive = folder.join("schemastore.tar.xz");
    assert!(archive.is_file(), "{} is missing; name its folder with CONFIGBUS_TEST_DATA", archive.display());
    archive
}

fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new("tar").arg("xJf").arg(archive()).arg("-C").arg(folder.path()).status();
    assert!(status.expect("tar is installed").success(), "tar failed");
    folder
}

fn check(folder: &Path) -> Report {
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    let context = Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0 };
    gate.check_working_copy(folder, &context, &mut |_| {}).expect("the files can be read")
}

#[test]
fn every_valid_file_and_schema_is_accepted() {
    let folder = unpacked();
    for (name, files) in [("schemas", 249), ("valid", 811)] {
        let report = check(&folder.path().join("schemastore").join(name));
        assert!(report.is_accepted(), "{name}:\n{}", report.render_plain());
        assert_eq!(report.files_checked, files, "{name}");
    }
}

/// These violate their schemas and nothing else: the syntax gate lets every one of them through.
#[test]
fn files_that_only_violate_their_schema_pass() {
    let folder = unpacked();
    let report = check(&folder.path().join("schemastore/invalid"));
    assert!(report.is_accepted(), "{}", report.render_plain());
    assert_eq!(report.files_checked, 434);
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

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
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
    let folder = unpacked();
    let mut paths = Vec::new();
    files_below(&folder.path().join("schemastore/valid"), &mut paths);
    paths.sort();
    let mut dice = Dice(0x5eed_cafe_f00d);
    let gate = Gate::new(GateSettings::default()).expect("the defaults hold");
    let context = Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0 };
    for path in paths.iter().chain(&paths) {
        let mut content = fs::read(path).expect("the file can be read");
        if content.is_empty() || content.len() > 20_000 {
            continue;
        }
        dice.damage(&mut content);
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        let report =
            gate.check(&MemoryCandidate::default().put(name, content.clone()), &context).expect("memory can be read");
        let shown = String::from_utf8_lossy(&content);
        assert!(report.findings.iter().all(|finding| finding.rule != Rule::CheckFailed), "{name}:\n{shown}");
        assert!(!report.is_accepted() || usual_parser_accepts(name, &content), "{name}:\n{shown}");
    }
}
