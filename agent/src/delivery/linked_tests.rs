//! What the layout `linked` shares between versions of a directory.

use super::{
    Delivery, DiskDelivery, DiskOptions,
    fixture::{Files, delta, files},
};
use crate::{Moment, Root};
use configbus_model::Layout;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

fn files_with(value: &str) -> Files {
    files([("a/changing/f.json", value), ("a/resting/f.json", "1"), ("resting/f.json", "2")])
}

fn inode(path: impl AsRef<Path>) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Shows two revisions; between them `meddle` gets the root. Returns a root that shows the second.
fn follow(meddle: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { layout: Layout::Linked, ..Default::default() };
    let mut host = DiskDelivery::open(Root::new(folder.path()), options, Moment::default()).unwrap();
    let (old, new) = (files_with("old"), files_with("new"));
    host.deliver(&delta(None, 1, &old), Moment::default()).unwrap();
    meddle(folder.path());
    host.deliver(&delta(Some((1, &old)), 2, &new), Moment::default()).unwrap();
    folder
}

#[test]
fn unchanged_directories_keep_the_symlinks_that_lead_to_them() {
    let mut before = Vec::new();
    let folder = follow(|root| {
        before = ["current/resting", "current/a/resting", "current/a", "current/a/changing"]
            .map(|path| inode(root.join(path)))
            .to_vec();
    });
    let after = |path: &str| inode(folder.path().join(path));
    assert_eq!((after("current/resting"), after("current/a/resting")), (before[0], before[1]));
    assert_ne!((after("current/a"), after("current/a/changing")), (before[2], before[3]));
    assert_eq!(fs::read_to_string(folder.path().join("current/a/changing/f.json")).unwrap(), "new");
}

#[test]
fn a_symlink_that_was_bent_by_hand_is_not_carried_on() {
    let folder = follow(|root| {
        for (link, target) in [("current/resting", "/etc"), ("current/a/resting", "../gone")] {
            let link = root.join(link);
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink(target, &link).unwrap();
        }
    });
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    assert_eq!((read("current/resting/f.json"), read("current/a/resting/f.json")), ("2".into(), "1".into()));
}
