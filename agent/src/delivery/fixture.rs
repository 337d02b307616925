//! Revisions made by hand, for tests.

use bytes::Bytes;
use configbus_model::{CommitId, Delta, EntryMode, Epoch, Head, ObjectId, Revision, Tree, TreeEntry, TreeId, blob_id};
use std::collections::{BTreeMap, HashSet};

/// Files by path, with whether they may be run.
pub type Files = BTreeMap<String, (bool, Bytes)>;

/// Builds files from paths and contents; a path that starts with `*` may be run.
pub fn files<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Files {
    let file = |(path, content): (&str, &str)| {
        let executable = path.starts_with('*');
        (path.trim_start_matches('*').to_owned(), (executable, Bytes::copy_from_slice(content.as_bytes())))
    };
    all.into_iter().map(file).collect()
}

/// Returns a head that shows a tree; the commit is made from the revision.
pub fn head(revision: u64, tree: TreeId) -> Head {
    let mut commit = [0; 20];
    commit[..8].copy_from_slice(&revision.to_be_bytes());
    Head {
        epoch: Epoch::FIRST,
        revision: Revision(revision),
        commit: CommitId::from_bytes(commit),
        tree,
        time_ms: 1_700_000_000_000 + revision,
        traceparent: None,
    }
}

/// Returns everything a host needs to show `new` as revision `revision` if it shows `old` or, without, anything.
pub fn delta(old: Option<(u64, &Files)>, revision: u64, new: &Files) -> Delta {
    let (tree, trees, blobs) = objects(new);
    let (from, known) = match old {
        None => (None, HashSet::new()),
        Some((revision, files)) => {
            let (tree, trees, blobs) = objects(files);
            let ids = trees.into_iter().chain(blobs).map(|(id, _)| id);
            (Some(head(revision, tree)), ids.collect())
        }
    };
    let unknown = |all: Vec<(ObjectId, Bytes)>| {
        let new = all.into_iter().filter(|(id, _)| !known.contains(id));
        new.map(|(_, bytes)| bytes).collect()
    };
    Delta { from, to: head(revision, tree), trees: unknown(trees), blobs: unknown(blobs) }
}

type Objects = Vec<(ObjectId, Bytes)>;

fn objects(files: &Files) -> (TreeId, Objects, Objects) {
    let (mut trees, mut blobs) = (Vec::new(), Vec::new());
    let all: Vec<_> = files.iter().map(|(path, file)| (path.as_str(), file)).collect();
    let root = directory(&all, &mut trees, &mut blobs);
    (root, trees, blobs)
}

type Below<'a> = Vec<(&'a str, &'a (bool, Bytes))>;

fn directory(all: &[(&str, &(bool, Bytes))], trees: &mut Objects, blobs: &mut Objects) -> TreeId {
    let mut below: BTreeMap<&str, Below<'_>> = BTreeMap::new();
    let mut entries = Vec::new();
    for (path, file) in all {
        match path.split_once('/') {
            Some((name, rest)) => below.entry(name).or_default().push((rest, file)),
            None => {
                let id = blob_id(&file.1).expect("fixtures carry no attack").into();
                let mode = if file.0 { EntryMode::Executable } else { EntryMode::File };
                entries.push(TreeEntry { name: path, mode, id });
                blobs.push((id, file.1.clone()));
            }
        }
    }
    for (name, files) in &below {
        let id = directory(files, trees, blobs).into();
        entries.push(TreeEntry { name, mode: EntryMode::Directory, id });
    }
    let tree = Tree::build(entries);
    let id = tree.id().expect("fixtures carry no attack");
    trees.push((id.into(), tree.as_bytes().clone()));
    id
}
