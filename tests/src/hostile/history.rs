//! What a push holds beside the tree that would land.

use super::Hostile;
use crate::{git::WorkingCopy, plumbing::FILE};

/// A token that never was one, put together here so that no gate takes this file for a leak.
pub(super) fn token() -> String {
    format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17")
}

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let clean = copy.files(&[("clean.json", b"1")]);
    let (file, folder) = (copy.blob(b"x"), copy.files(&[("file", b"x")]));
    // The tip is clean; what lies between it and the head is not.
    let through = |name: &str, middle: &str, told: &[&'static str]| {
        let tip = copy.commit_tree(&copy.commit_tree(parent, middle), &clean);
        let hostile = Hostile::of(name, tip, told);
        [hostile.elsewhere(), hostile]
    };
    let mut all = Vec::new();
    all.extend(through(
        "a token in the middle",
        &copy.files(&[("key.txt", token().as_bytes())]),
        &["secret/github-token"],
    ));
    all.extend(through("a symlink in the middle", &copy.tree(&[("120000", b"link", &file)]), &["shape/symlink"]));
    all.extend(through(
        "a large file in the middle",
        &copy.files(&[("large.bin", &vec![1; 5 << 20])]),
        &["shape/file-size"],
    ));
    all.extend(through("a bad name in the middle", &copy.tree(&[(FILE, b"a\nb", &file)]), &["shape/name"]));
    // On a side branch that was merged away.
    let side = copy.commit_tree(parent, &copy.files(&[("key.txt", token().as_bytes())]));
    let merge = ["commit-tree", "-m", "merge", "-p", parent, "-p", &side, &clean];
    let merge = copy.git(&merge).expect_ok().stdout.trim().to_owned();
    all.push(Hostile::of("a token on a merged branch", merge, &["secret/github-token"]));
    // Kinds that are not what their entry says.
    let commit = copy.commit_tree(parent, &clean);
    for (name, id) in [("a directory as a file", &folder), ("a commit as a file", &commit)] {
        let tip = copy.commit_tree(parent, &copy.tree(&[(FILE, b"entry", id)]));
        all.push(Hostile::of(
            name,
            tip,
            &["shape/unreadable", "is no blob", "missing necessary objects", "unpacker error"],
        ));
    }
    // References that are none of a pusher's business.
    let honest = copy.commit_tree(parent, &clean);
    for reference in [
        "refs/replace/0123456789012345678901234567890123456789",
        "refs/notes/commits",
        "refs/configbus/foreign/1",
        "refs/meta/config",
    ] {
        let hostile = Hostile::of(reference, honest.clone(), &["not accepted here"]);
        all.push(Hostile { reference, ..hostile });
    }
    let tag = format!("object {honest}\ntype commit\ntag t\ntagger Ada <ada@example.com> 1 +0000\n\n");
    for (name, id) in [("a tag", copy.object("tag", tag.as_bytes())), ("a directory", clean.clone()), ("a file", file)]
    {
        all.push(Hostile::of(format!("{name} as main"), id, &["which is no commit", "non-commit", "unpacker error"]));
    }
    all
}
