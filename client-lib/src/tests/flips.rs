//! What a flip does to readers.

use super::{
    DEADLINE,
    hand_made_root::{HandMadeRoot, LAYOUTS},
};
use configbus_model::{Revision, ViewName};
use std::sync::atomic::{AtomicBool, Ordering};

const FLIPS: u64 = 60;

fn paths() -> Vec<String> {
    (0..40).map(|n| format!("services/s{}/limits-{n}.json", n % 7)).collect()
}

/// Flips all files at once, collecting every view nobody pins as early as a collector could.
fn flip_and_collect(root: &HandMadeRoot, paths: &[String]) {
    let mut shown: Vec<ViewName> = Vec::new();
    for revision in 2..=FLIPS {
        let number = revision.to_string();
        let files: Vec<_> = paths.iter().map(|path| (path.as_str(), number.as_str())).collect();
        let view = root.build(Revision(revision), &files);
        root.show(&view);
        shown.retain(|old| !root.collect(old));
        shown.push(view);
    }
}

#[test]
fn a_reader_of_forty_files_never_sees_a_mix() {
    for layout in LAYOUTS {
        let (root, paths) = (HandMadeRoot::new(layout), paths());
        root.flip(&paths.iter().map(|path| (path.as_str(), "1")).collect::<Vec<_>>());
        let bus = root.open();
        let (done, mut seen) = (AtomicBool::new(false), Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                flip_and_collect(&root, &paths);
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let snapshot = bus.snapshot().unwrap();
                for path in &paths {
                    assert_eq!(snapshot.parse::<u64>(path).unwrap(), snapshot.revision().0, "{layout}");
                }
                assert_eq!(snapshot.list("services").unwrap().len(), 40);
                seen.push(snapshot.revision());
            }
        });
        assert!(seen.is_sorted() && seen.len() > 1, "{layout}: {seen:?}");
        assert_eq!(bus.snapshot().unwrap().revision(), Revision(FLIPS));
    }
}

#[test]
fn a_prefix_subscription_never_shows_a_mix() {
    for layout in LAYOUTS {
        let (root, paths) = (HandMadeRoot::new(layout), paths());
        root.flip(&paths.iter().map(|path| (path.as_str(), "1")).collect::<Vec<_>>());
        let bus = root.open();
        let files = bus.subscribe_prefix::<u64>("services/**/*.json").unwrap();
        std::thread::scope(|scope| {
            let flipping = scope.spawn(|| flip_and_collect(&root, &paths));
            while !flipping.is_finished() {
                let loaded = files.load();
                let first = **loaded.values().next().unwrap();
                assert!(loaded.len() == 40 && loaded.values().all(|value| **value == first), "{layout}");
                std::thread::yield_now();
            }
        });
        assert!(bus.wait_for(Revision(FLIPS), DEADLINE));
        assert!(files.load().values().all(|value| **value == FLIPS));
    }
}

#[test]
fn files_that_a_revision_leaves_alone_are_not_read_again() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        root.flip(&[("a/one.json", "1"), ("a/two.json", "2"), ("b/three.json", "3")]);
        let bus = root.open();
        let one = bus.subscribe::<u32>("a/one.json").unwrap();
        let all = bus.subscribe_prefix::<u32>("**").unwrap();
        assert_eq!(bus.stats().files_read, 4);
        let last = root.flip(&[("a/one.json", "1"), ("a/two.json", "20"), ("b/three.json", "3")]);
        assert!(bus.wait_for(last, DEADLINE));
        assert_eq!(bus.stats().files_read, 5, "{layout}");
        assert_eq!((*one.load().unwrap(), all.load().len()), (1, 3));
        assert_eq!(bus.stats().changes, 5);
    }
}

#[test]
fn a_revert_brings_the_old_value_back_although_its_file_is_older() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        root.flip(&[("a.json", "1")]);
        let bus = root.open();
        let value = bus.subscribe::<u32>("a.json").unwrap();
        let recording = value.record();
        root.flip(&[("a.json", "2")]);
        recording.wait_for(1, DEADLINE).unwrap();
        root.flip(&[("a.json", "1")]);
        let changes = recording.wait_for(2, DEADLINE).unwrap();
        assert_eq!((changes[1].old.as_deref(), changes[1].new.as_deref()), (Some(&2), Some(&1)), "{layout}");
    }
}

#[test]
fn a_file_appears_and_is_deleted() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        root.flip(&[("other.json", "0")]);
        let bus = root.open();
        let value = bus.subscribe::<u32>("deep/below/a.json").unwrap();
        let prefix = bus.subscribe_prefix::<u32>("deep/**").unwrap();
        assert!(value.load().is_none() && prefix.load().is_empty());
        let (one, many) = (value.record(), prefix.record());
        root.flip(&[("deep/below/a.json", "1")]);
        one.wait_for(1, DEADLINE).unwrap();
        assert_eq!(*value.load().unwrap(), 1);
        let gone = root.flip(&[("other.json", "0")]);
        let changes = one.wait_for(2, DEADLINE).unwrap();
        assert!(changes[1].new.is_none() && changes[1].revision == gone, "{layout}: {changes:?}");
        assert_eq!(many.wait_for(2, DEADLINE).unwrap()[1].old.as_deref(), Some(&1));
        assert!(value.load().is_none() && prefix.load().is_empty());
    }
}

#[test]
fn directories_that_a_revision_shares_with_the_one_before_are_not_entered() {
    let root = HandMadeRoot::new(LAYOUTS[1]);
    root.flip(&[("a/x/one.json", "1"), ("a/two.json", "2"), ("b/three.json", "3")]);
    let bus = root.open();
    let all = bus.subscribe_prefix::<u32>("**").unwrap();
    let recording = all.record();
    // Were `b` entered, this would show.
    std::fs::write(root.path().join("current/b/planted.json"), "7").unwrap();
    root.flip(&[("a/x/one.json", "10"), ("a/two.json", "2"), ("b/three.json", "3")]);
    recording.wait_for(1, DEADLINE).unwrap();
    assert_eq!(
        all.load().keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["a/two.json", "a/x/one.json", "b/three.json"]
    );
    root.flip(&[("a/x/one.json", "10"), ("a/two.json", "2")]);
    let changes = recording.wait_for(2, DEADLINE).unwrap();
    assert_eq!((changes[1].path.as_str(), all.load().len()), ("b/three.json", 2));
}
