//! How sources look: what a reviewer would otherwise say again and again.

use crate::workspace::{members, root, rust_sources, text};
use std::{fs, path::Path};

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 600;
/// Lines of a table of contents, without its documentation.
const LIB_LINES_MAX: usize = 90;
/// Names that say nothing.
const VAGUE: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "misc", "manager"];

fn named(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn lines_before_tests(source: &str) -> usize {
    source.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

fn check_sources(complaint: &str, wrong: impl Fn(&Path, &str) -> bool) {
    let sources = rust_sources().into_iter();
    let found: Vec<_> = sources
        .filter(|path| wrong(path, &fs::read_to_string(path).expect("sources are UTF-8")))
        .map(|path| named(&path))
        .collect();
    assert!(found.is_empty(), "{complaint}: {found:#?}");
}

#[test]
fn a_file_holds_one_idea() {
    check_sources("files that are too long", |path, source| {
        let tests = named(path).ends_with("tests.rs");
        !tests && lines_before_tests(source) > FILE_LINES_MAX
    });
}

#[test]
fn lib_is_a_table_of_contents() {
    check_sources("a lib.rs with more than contents", |path, source| {
        let contents = source.lines().filter(|line| !line.starts_with("//!")).count();
        path.ends_with("src/lib.rs") && contents > LIB_LINES_MAX
    });
}

#[test]
fn names_say_what_is_inside() {
    check_sources("files with vague names", |path, _| {
        path.components().any(|part| VAGUE.contains(&part.as_os_str().to_string_lossy().trim_end_matches(".rs")))
    });
}

#[test]
fn nothing_waits_by_sleeping_a_thread_in_tests() {
    check_sources("tests that sleep", |path, source| {
        let test = named(path).starts_with("tests/tests/") && !path.ends_with("tidy/files.rs");
        test && source.contains("thread::sleep")
    });
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore")];
    check_sources("sources with unfinished work", |_, source| marks.iter().any(|mark| source.contains(mark)));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in members() {
        let manifest = fs::read_to_string(text(package, "manifest_path")).expect("manifests are readable");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", text(package, "name"));
    }
}
