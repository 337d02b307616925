//! A program that reads the host's files all the time and remembers what it saw.

use configbus_tests::{corpus::files_below, git::WorkingCopy};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

type Files = BTreeMap<String, Vec<u8>>;

/// What was seen, by revision in the order of time.
#[derive(Default)]
pub(crate) struct Sightings {
    views: Vec<(u64, Files)>,
}

/// Reads until it is told to stop. Each view is read through the name `current` had at one moment, as a program does that
/// opens the directory once.
pub(crate) fn observe(root: &Path, stop: &AtomicBool) -> Sightings {
    let mut seen = Sightings::default();
    let mut last = PathBuf::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::yield_now();
        let Ok(view) = fs::read_link(root.join("current")) else { continue };
        if view == last {
            continue;
        }
        let revision = revision_of(&view);
        seen.views.push((revision, files_below(&root.join(&view))));
        last = view;
    }
    seen
}

fn revision_of(view: &Path) -> u64 {
    let name = view.file_name().expect("a view has a name").to_str().expect("a view's name is text");
    let digits = name.strip_prefix('r').and_then(|name| name.split_once('-'));
    digits.expect("a view is named after its revision").0.parse().expect("a revision is a number")
}

impl Sightings {
    /// Checks that time never ran backwards and that each view was exactly its revision.
    pub(crate) fn check_against(&self, clone: &WorkingCopy) {
        assert!(self.views.is_sorted_by_key(|(revision, _)| *revision), "the host moved back");
        let log = clone.git(&["log", "--first-parent", "--reverse", "--format=%H", "origin/main"]).expect_ok().stdout;
        let commits: Vec<&str> = log.lines().collect();
        for (revision, files) in &self.views {
            let commit = commits[usize::try_from(revision - 1).unwrap()];
            let listed = clone.git(&["-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", commit]).expect_ok();
            let names: Vec<&str> = files.keys().map(String::as_str).collect();
            assert_eq!(names, listed.stdout.lines().collect::<Vec<_>>(), "r{revision} was incomplete");
            for (name, content) in files {
                let expected = clone.git(&["show", &format!("{commit}:{name}")]).expect_ok().stdout;
                assert_eq!(String::from_utf8_lossy(content), expected, "{name} in r{revision}");
            }
        }
    }

    /// Returns how many views were seen.
    pub(crate) fn count(&self) -> usize {
        self.views.len()
    }
}
