use super::*;
use crate::testing::{Files, MemoryTrees, any_tree};
use configbus_model::{EntryMode, blob_id, tree_id};
use proptest::prelude::*;
use std::collections::HashMap;

/// Objects of a holder, by the ids it computes itself.
#[derive(Default, Clone)]
struct Holder {
    trees: HashMap<TreeId, Bytes>,
    blobs: HashMap<BlobId, Bytes>,
}

impl Holder {
    fn take(&mut self, kind: ObjectKind, content: Bytes) {
        match kind {
            ObjectKind::Tree => drop(self.trees.insert(tree_id(&content).unwrap(), content)),
            ObjectKind::Blob => drop(self.blobs.insert(blob_id(&content).unwrap(), content)),
            other => panic!("a delta has no {other:?}"),
        }
    }

    /// Reads the tree from what is held alone, at or below a prefix.
    fn files(&self, root: TreeId, prefix: &str, at: &str) -> Files {
        let tree = Tree::parse(self.trees[&root].clone()).unwrap();
        let mut files = Files::new();
        for entry in tree.entries() {
            let path = format!("{at}{}", entry.name);
            if entry.mode == EntryMode::Directory {
                if path.starts_with(prefix) || prefix.starts_with(&format!("{path}/")) {
                    files.extend(self.files(entry.id.into(), prefix, &format!("{path}/")));
                }
            } else if path.starts_with(prefix) {
                let content = String::from_utf8(self.blobs[&entry.id.into()].to_vec()).unwrap();
                files.insert(path, (entry.mode, content));
            }
        }
        files
    }

    /// Forgets what is not needed for a prefix.
    fn only(&self, root: TreeId, prefix: &str) -> Self {
        let mut kept = Self::default();
        self.keep(root, prefix, "", &mut kept);
        kept
    }

    fn keep(&self, root: TreeId, prefix: &str, at: &str, kept: &mut Self) {
        let encoded = self.trees[&root].clone();
        for entry in Tree::parse(encoded.clone()).unwrap().entries() {
            let path = format!("{at}{}", entry.name);
            match entry.mode {
                EntryMode::Directory if path.starts_with(prefix) || prefix.starts_with(&format!("{path}/")) => {
                    self.keep(entry.id.into(), prefix, &format!("{path}/"), kept);
                }
                EntryMode::Directory => {}
                _ if path.starts_with(prefix) => {
                    drop(kept.blobs.insert(entry.id.into(), self.blobs[&entry.id.into()].clone()));
                }
                _ => {}
            }
        }
        kept.trees.insert(root, encoded);
    }
}

fn check_delta(memory: &MemoryTrees, from: Option<TreeId>, to: TreeId) -> Vec<(ObjectKind, Bytes)> {
    let mut objects = Vec::new();
    let mut blob = |id: BlobId| Ok(memory.blobs.borrow()[&id].clone());
    let mut sink = |kind, content| {
        objects.push((kind, content));
        ControlFlow::Continue(())
    };
    delta_with(memory, &mut blob, from, to, &mut sink).unwrap();
    objects
}

fn tree(paths: &[(&str, &str)]) -> Files {
    paths.iter().map(|(path, content)| ((*path).into(), (EntryMode::File, (*content).into()))).collect()
}

fn check_counts(from: &Files, to: &Files, trees: usize, blobs: usize) {
    let memory = MemoryTrees::default();
    let (from, to) = (memory.root(from), memory.root(to));
    let objects = check_delta(&memory, Some(from), to);
    let count = |wanted| objects.iter().filter(|(kind, _)| *kind == wanted).count();
    assert_eq!((count(ObjectKind::Tree), count(ObjectKind::Blob)), (trees, blobs));
}

#[test]
fn only_what_changed_is_in_it() {
    let before = tree(&[("a/b/x", "1"), ("a/b/y", "1"), ("c/z", "1"), ("e", "1")]);
    let with = |path: &str, content: &str| {
        let mut files = before.clone();
        files.insert(path.into(), (EntryMode::File, content.into()));
        files
    };
    let without = |path: &str| {
        let mut files = before.clone();
        files.remove(path);
        files
    };
    check_counts(&before, &before, 0, 0);
    check_counts(&before, &with("a/b/x", "2"), 3, 1);
    check_counts(&before, &without("c/z"), 1, 0);
    check_counts(&before, &without("a/b/y"), 3, 0);
    let mut run = before.clone();
    run.insert("e".into(), (EntryMode::Executable, "1".into()));
    check_counts(&before, &run, 1, 0);
    check_counts(&before, &tree(&[("a/b", "1"), ("c/z", "1"), ("e", "1")]), 2, 1);
    check_counts(&before, &tree(&[]), 1, 0);
    check_counts(&tree(&[]), &before, 4, 1);
}

#[test]
fn breaking_off_ends_the_walk() {
    let memory = MemoryTrees::default();
    let to = memory.root(&tree(&[("a", "1"), ("b/c", "2")]));
    let mut count = 0;
    let mut blob = |id: BlobId| Ok(memory.blobs.borrow()[&id].clone());
    let mut sink = |_, _| {
        count += 1;
        ControlFlow::Break(())
    };
    delta_with(&memory, &mut blob, None, to, &mut sink).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_tree_that_repeats_itself_is_sent_once() {
    let memory = MemoryTrees::default();
    let mut at = memory.root(&tree(&[("leaf", "1")]));
    for _ in 0..60 {
        let entry = |name| configbus_model::TreeEntry { name, mode: EntryMode::Directory, id: at.into() };
        at = memory.add(Tree::build(["a", "b", "c"].map(entry)));
    }
    assert_eq!(check_delta(&memory, None, at).len(), 62);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_holder_of_one_tree_becomes_a_holder_of_the_other(from in any_tree(), to in any_tree()) {
        let memory = MemoryTrees::default();
        let (from_id, to_id) = (memory.root(&from), memory.root(&to));
        let mut holder = Holder::default();
        for (kind, content) in check_delta(&memory, None, from_id) {
            holder.take(kind, content);
        }
        prop_assert_eq!(holder.files(from_id, "", ""), from);
        for (kind, content) in check_delta(&memory, Some(from_id), to_id) {
            holder.take(kind, content);
        }
        prop_assert_eq!(holder.files(to_id, "", ""), to);
    }

    #[test]
    fn a_holder_of_some_paths_gets_all_it_needs_for_them(from in any_tree(), to in any_tree(), prefix in "[ab]/") {
        let memory = MemoryTrees::default();
        let (from_id, to_id) = (memory.root(&from), memory.root(&to));
        let mut whole = Holder::default();
        for (kind, content) in check_delta(&memory, None, from_id) {
            whole.take(kind, content);
        }
        let mut holder = whole.only(from_id, &prefix);
        for (kind, content) in check_delta(&memory, Some(from_id), to_id) {
            holder.take(kind, content);
        }
        let expected: Files = to.into_iter().filter(|(path, _)| path.starts_with(&prefix)).collect();
        prop_assert_eq!(holder.files(to_id, &prefix, ""), expected);
    }

    #[test]
    fn nothing_is_sent_twice_or_without_need(from in any_tree(), to in any_tree()) {
        let memory = MemoryTrees::default();
        let (from_id, to_id) = (memory.root(&from), memory.root(&to));
        let objects = check_delta(&memory, Some(from_id), to_id);
        let distinct: HashSet<_> = objects.iter().collect();
        prop_assert_eq!(distinct.len(), objects.len());
        let changed: HashSet<&String> =
            to.iter().filter(|(path, (_, content))| from.get(*path).is_none_or(|(_, old)| old != content)).map(|(_, (_, content))| content).collect();
        prop_assert_eq!(objects.iter().filter(|(kind, _)| *kind == ObjectKind::Blob).count(), changed.len());
    }
}
