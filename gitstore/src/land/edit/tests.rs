use super::*;
use crate::testing::{Files, MemoryTrees, any_tree, delete, path, put};
use proptest::prelude::*;

fn tree(paths: &[(&str, &str)]) -> Files {
    paths.iter().map(|(path, content)| ((*path).into(), (EntryMode::File, (*content).into()))).collect()
}

fn check_staged(before: &[(&str, &str)], edits: &[TreeEdit], after: &[(&str, &str)]) {
    let memory = MemoryTrees::default();
    let staged = stage(&memory, memory.root(&tree(before)), edits).unwrap();
    assert_eq!(staged.tree, memory.root(&tree(after)), "{before:?} + {edits:?}");
}

fn check_refused(before: &[(&str, &str)], edits: &[TreeEdit], message: &str) {
    let memory = MemoryTrees::default();
    let error = stage(&memory, memory.root(&tree(before)), edits).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn files_are_put_and_deleted_with_their_directories() {
    check_staged(&[], &[put("a/b/c", "1"), put("a/d", "2")], &[("a/b/c", "1"), ("a/d", "2")]);
    check_staged(&[("a/b/c", "1"), ("x", "1")], &[delete("a/b/c")], &[("x", "1")]);
    check_staged(&[("a", "1")], &[delete("a")], &[]);
    check_staged(&[("a", "1")], &[], &[("a", "1")]);
    check_staged(
        &[("a.b", "1"), ("a/b", "1"), ("a0", "1")],
        &[put("a/c", "1")],
        &[("a.b", "1"), ("a/b", "1"), ("a/c", "1"), ("a0", "1")],
    );
}

#[test]
fn a_file_becomes_a_directory_and_back_when_what_is_in_the_way_goes_too() {
    check_staged(&[("a", "1")], &[put("a/b", "2"), delete("a")], &[("a/b", "2")]);
    check_staged(&[("a/b", "1"), ("a/c", "1")], &[delete("a/b"), put("a", "2"), delete("a/c")], &[("a", "2")]);
}

#[test]
fn edits_that_do_not_fit_are_refused_by_name() {
    check_refused(&[], &[delete("a")], "a does not exist");
    check_refused(&[("a", "1")], &[delete("a/b")], "a/b does not exist");
    check_refused(&[("a/b", "1")], &[delete("a")], "a is a directory");
    check_refused(&[("a/b", "1")], &[put("a", "1")], "a is a directory");
    check_refused(&[("a/b", "1"), ("a/c", "1")], &[put("a", "1"), delete("a/b")], "a is a directory");
    check_refused(&[("d/a", "1")], &[put("d/a/b/c", "1")], "d/a/b/c cannot be created, d/a is a file");
    check_refused(&[], &[put("a", "1"), put("a/b", "1")], "a/b cannot be created, a is a file");
    check_refused(&[], &[put("a", "1"), put("b", "1"), put("a", "2")], "a is edited twice");
    let mode = TreeChange::Put { mode: Some(EntryMode::Directory), content: Bytes::new() };
    check_refused(&[], &[TreeEdit { path: path("a"), change: mode }], "a cannot get the mode of a directory");
}

#[test]
fn only_what_changes_is_staged() {
    let memory = MemoryTrees::default();
    let root = memory.root(&tree(&[("a/x", "1"), ("b/y", "1"), ("b/z", "2")]));
    let staged = stage(&memory, root, &[put("b/y", "2"), put("b/z", "2")]).unwrap();
    assert_eq!((staged.trees.len(), staged.blobs.len()), (2, 1));
    let same = stage(&memory, root, &[put("b/y", "1")]).unwrap();
    assert!(same.is_unchanged() && same.trees.is_empty() && same.blobs.is_empty());
}

#[test]
fn what_becomes_of_files_and_where_names_are_new_is_told() {
    let memory = MemoryTrees::default();
    let root = memory.root(&tree(&[("a/x", "1"), ("b/y", "1")]));
    let staged = stage(&memory, root, &[put("b/y", "22"), delete("a/x"), put("b/c/new", "333")]).unwrap();
    let told = |file: &StagedFile| (file.path.to_string(), file.before.is_some(), file.after.map(|after| after.2));
    let files: Vec<_> = staged.files().iter().map(told).collect();
    let expected = [("b/y", true, Some(2)), ("a/x", true, None), ("b/c/new", false, Some(3))];
    assert_eq!(files, expected.map(|(path, was, size)| (path.to_owned(), was, size)));
    let mut at: Vec<_> = staged.directories_with_new_names().map(|(path, _)| path).collect();
    at.sort_unstable();
    assert_eq!(at, ["b", "b/c"]);
    let first = stage(&memory, TreeId::EMPTY, &[put("x", "1")]).unwrap();
    assert_eq!(first.directories_with_new_names().map(|(path, _)| path).collect::<Vec<_>>(), [""]);
}

#[test]
fn a_mode_is_kept_unless_given() {
    let memory = MemoryTrees::default();
    let run = |mode| TreeEdit { path: path("run"), change: TreeChange::Put { mode, content: "x".into() } };
    let staged = stage(&memory, TreeId::EMPTY, &[run(Some(EntryMode::Executable))]).unwrap();
    let root = memory.add(staged.trees[0].tree.clone());
    assert!(stage(&memory, root, &[run(None)]).unwrap().is_unchanged());
    let plain = stage(&memory, root, &[run(Some(EntryMode::File))]).unwrap();
    assert_eq!((plain.trees.len(), plain.blobs.len()), (1, 0));
}

proptest! {
    #[test]
    fn edits_do_to_a_tree_what_they_do_to_a_map(before in any_tree(), puts in any_tree(), deleted in any::<prop::sample::Index>()) {
        let mut after = before.clone();
        let gone = (!before.is_empty()).then(|| before.keys().nth(deleted.index(before.len())).unwrap().clone());
        let gone = gone.filter(|path| !puts.contains_key(path));
        gone.iter().for_each(|path| drop(after.remove(path)));
        after.extend(puts.clone());
        let memory = MemoryTrees::default();
        let edit = |(at, (mode, content)): (&String, &(EntryMode, String))| TreeEdit {
            path: path(at),
            change: TreeChange::Put { mode: Some(*mode), content: content.clone().into() },
        };
        let edits: Vec<_> = puts.iter().rev().map(edit).chain(gone.iter().map(|path| delete(path))).collect();
        let staged = stage(&memory, memory.root(&before), &edits);
        let is_tree = !after.keys().any(|path| after.keys().any(|other| other.starts_with(&format!("{path}/"))));
        prop_assert_eq!(staged.is_ok(), is_tree);
        if let Ok(staged) = staged {
            prop_assert_eq!(staged.tree, memory.root(&after));
        }
    }
}
