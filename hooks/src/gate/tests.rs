//! The engine over a candidate in memory.

use super::*;
use crate::candidate::RawEntry;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// A candidate made by hand.
#[derive(Default)]
struct Pushed {
    /// Directory, entry name and mode of new objects.
    entries: Vec<(&'static str, &'static [u8], u32)>,
    /// Path and size of new contents; the id is made of the position.
    contents: Vec<(&'static str, u64)>,
    /// The landing tree's changed files, or a failure to read it.
    files: Option<Vec<(&'static str, Bytes)>>,
}

impl Candidate for Pushed {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError> {
        for (path, name, mode) in &self.entries {
            visit(NewObject::Directory { path, entries: &[RawEntry { name, mode: *mode }] });
        }
        for (path, size_bytes) in &self.contents {
            visit(NewObject::Content { path, id: id(path), size_bytes: *size_bytes });
        }
        Ok(())
    }

    fn changed_files(&self) -> Result<Vec<ChangedFile>, CandidateError> {
        let files = self.files.as_ref().ok_or_else(|| CandidateError::read("tree", "unreadable"))?;
        let file = |(path, content): &(&str, Bytes)| ChangedFile {
            path: (*path).to_owned(),
            id: id(path),
            size_bytes: content.len() as u64,
        };
        Ok(files.iter().map(file).collect())
    }

    fn content(&self, file: &ChangedFile) -> Result<Bytes, CandidateError> {
        let mut files = self.files.iter().flatten();
        Ok(files.find(|(path, _)| *path == file.path).unwrap().1.clone())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        let mut directories: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (path, _) in self.files.iter().flatten() {
            let cuts = path.match_indices('/').map(|(at, _)| at);
            for (directory, below) in std::iter::once(("", *path)).chain(cuts.map(|at| (&path[..at], &path[at + 1..])))
            {
                directories.entry(directory).or_default().insert(below.split('/').next().unwrap());
            }
        }
        for (directory, names) in directories {
            visit(directory, &names.into_iter().collect::<Vec<_>>());
        }
        Ok(())
    }
}

fn id(path: &str) -> ObjectId {
    configbus_model::blob_id(path.as_bytes()).unwrap().object_id()
}

fn check_found(settings: GateSettings, candidate: &Pushed) -> Vec<(String, Rule)> {
    let report = Gate::new(settings).unwrap().check(candidate).unwrap();
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
        files: Some(vec![]),
    };
    let expected = [("a/link", Rule::Symlink), ("module", Rule::Submodule), ("old/big", Rule::FileSize)];
    assert_eq!(check_found(GateSettings::default(), &candidate), found(&expected));
}

#[test]
fn a_large_file_is_named_once() {
    let settings = GateSettings { file_size_bytes_max: 3, ..GateSettings::default() };
    let candidate = Pushed { contents: vec![("a", 4)], files: Some(vec![("a", "1234".into())]), ..Pushed::default() };
    assert_eq!(check_found(settings, &candidate), found(&[("a", Rule::FileSize)]));
}

#[test]
fn landing_tree_is_held_to_depth_twins_and_width() {
    let settings = GateSettings { path_depth_max: 2, directory_entries_max: 3, ..GateSettings::default() };
    let paths = ["a/x", "A/y", "b/c/d", "z"];
    let files = Some(paths.map(|path| (path, Bytes::new())).to_vec());
    let expected = [(".", Rule::DirectoryWidth), ("a", Rule::Twins), ("b/c/d", Rule::Depth)];
    assert_eq!(check_found(settings, &Pushed { files, ..Pushed::default() }), found(&expected));
}

#[test]
fn an_unreadable_tree_is_an_error_unless_its_shapes_explain_it() {
    let gate = Gate::new(GateSettings::default()).unwrap();
    assert!(gate.check(&Pushed::default()).is_err());
    let explained = Pushed { entries: vec![("", b"\xff", 0o100_644)], ..Pushed::default() };
    assert_eq!(check_found(GateSettings::default(), &explained), found(&[("\u{fffd}", Rule::Name)]));
}

#[test]
fn many_files_are_checked_on_several_threads_and_reported_in_order() {
    let settings = GateSettings { threads: 4, ..GateSettings::default() };
    let paths: Vec<&'static str> = (0..200).map(|n| &*format!(".configbus/{n:03}").leak()).collect();
    let files = paths.iter().map(|path| (*path, Bytes::new())).collect();
    let mut seen = Vec::new();
    let candidate = Pushed { files: Some(files), ..Pushed::default() };
    let gate = Gate::new(settings).unwrap();
    let report = gate.check_with_progress(&candidate, &mut |progress| seen.push(progress)).unwrap();
    assert_eq!((report.files_checked, report.findings_total), (200, 200));
    assert_eq!(report.findings[49].path, ".configbus/049");
    assert_eq!(seen.last(), Some(&Progress { files_checked: 200, files_total: 200 }));
}
