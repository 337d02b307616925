use super::*;
use crate::testing::{Files, MemoryTrees, any_tree};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn tree(paths: &[(&str, &str)]) -> Files {
    paths.iter().map(|(path, content)| ((*path).into(), (EntryMode::File, (*content).into()))).collect()
}

fn merged(base: &Files, ours: &Files, theirs: &Files) -> (Files, Vec<Clash>) {
    let memory = MemoryTrees::default();
    let [base, ours, theirs] = [base, ours, theirs].map(|files| memory.root(files));
    let merged = merge(&memory, base, ours, theirs).unwrap();
    (memory.files(memory.add_merged(&merged)), merged.clashes)
}

type Paths<'a> = &'a [(&'a str, &'a str)];

fn check_clean(base: Paths<'_>, ours: Paths<'_>, theirs: Paths<'_>, expected: Paths<'_>) {
    for (ours, theirs) in [(ours, theirs), (theirs, ours)] {
        let (files, clashes) = merged(&tree(base), &tree(ours), &tree(theirs));
        assert_eq!((files, clashes), (tree(expected), vec![]), "{base:?} {ours:?} {theirs:?}");
    }
}

fn check_clash(base: Paths<'_>, ours: Paths<'_>, theirs: Paths<'_>, expected: &[(&str, ConflictKind)]) {
    let (_, clashes) = merged(&tree(base), &tree(ours), &tree(theirs));
    let clashes: Vec<_> = clashes.iter().map(|clash| (clash.path.as_str(), clash.kind)).collect();
    assert_eq!(clashes, expected, "{base:?} {ours:?} {theirs:?}");
}

#[test]
fn changes_of_different_files_go_together() {
    check_clean(
        &[("a", "1"), ("b", "1")],
        &[("a", "2"), ("b", "1")],
        &[("a", "1"), ("b", "2")],
        &[("a", "2"), ("b", "2")],
    );
    check_clean(
        &[("d/a", "1")],
        &[("d/a", "1"), ("d/b", "1")],
        &[("d/a", "1"), ("d/c", "1")],
        &[("d/a", "1"), ("d/b", "1"), ("d/c", "1")],
    );
    check_clean(&[("d/a", "1"), ("x", "1")], &[("x", "1")], &[("d/a", "1"), ("x", "2")], &[("x", "2")]);
    check_clean(&[("d/a", "1"), ("d/b", "1")], &[("d/b", "1")], &[("d/a", "1")], &[]);
}

#[test]
fn the_same_change_on_both_sides_is_one_change() {
    check_clean(&[("a", "1")], &[("a", "2")], &[("a", "2")], &[("a", "2")]);
    check_clean(&[], &[("d/a", "1")], &[("d/a", "1"), ("d/b", "1")], &[("d/a", "1"), ("d/b", "1")]);
    check_clean(&[("a", "1"), ("b", "1")], &[("b", "1")], &[("b", "1")], &[("b", "1")]);
}

#[test]
fn a_file_becomes_a_directory_when_the_other_side_left_it_alone() {
    check_clean(
        &[("a", "1"), ("b", "1")],
        &[("a/x", "1"), ("b", "1")],
        &[("a", "1"), ("b", "2")],
        &[("a/x", "1"), ("b", "2")],
    );
    check_clean(
        &[("a/x", "1"), ("b", "1")],
        &[("a", "1"), ("b", "1")],
        &[("a/x", "1"), ("b", "2")],
        &[("a", "1"), ("b", "2")],
    );
}

#[test]
fn different_changes_of_one_path_clash() {
    use ConflictKind::*;
    check_clash(&[("d/a", "1")], &[("d/a", "2")], &[("d/a", "3")], &[("d/a", BothChanged)]);
    check_clash(&[], &[("a", "2")], &[("a", "3")], &[("a", BothAdded)]);
    check_clash(&[("a", "1"), ("b", "")], &[("b", "")], &[("a", "2"), ("b", "")], &[("a", DeletedByHead)]);
    check_clash(&[("a", "1"), ("b", "")], &[("a", "2"), ("b", "")], &[("b", "")], &[("a", DeletedByPush)]);
    check_clash(&[], &[("a", "1")], &[("a/b", "1")], &[("a", FileAndDirectory)]);
    check_clash(&[("a/b", "1")], &[("a", "1")], &[("a/b", "1"), ("a/c", "1")], &[("a", FileAndDirectory)]);
    check_clash(&[("a", "1")], &[("a/b", "1")], &[("a", "2")], &[("a", DeletedByHead)]);
    check_clash(&[("a/b", "1")], &[("a", "1")], &[("a/b", "2")], &[("a/b", DeletedByHead)]);
}

#[test]
fn a_new_mode_and_new_content_are_two_changes() {
    let file = |mode, content: &str| Files::from([("run".to_owned(), (mode, content.to_owned()))]);
    let (files, clashes) =
        merged(&file(EntryMode::File, "1"), &file(EntryMode::Executable, "1"), &file(EntryMode::File, "2"));
    assert_eq!((files, clashes), (file(EntryMode::Executable, "2"), vec![]));
}

#[test]
fn clashing_bases_clash_with_whatever_the_sides_made_of_them_unless_they_agree() {
    let memory = MemoryTrees::default();
    let root = |paths: Paths<'_>| memory.root(&tree(paths));
    let joined = merge_bases(
        &memory,
        root(&[("a", "0"), ("b", "0")]),
        root(&[("a", "1"), ("b", "0")]),
        root(&[("a", "2"), ("b", "0")]),
    );
    let base = memory.add_merged(&joined.unwrap());
    let result = |ours: Paths<'_>, theirs: Paths<'_>| merge(&memory, base, root(ours), root(theirs)).unwrap();
    let agreed = result(&[("a", "3"), ("b", "0")], &[("a", "3"), ("b", "1")]);
    assert!(agreed.clashes.is_empty());
    assert_eq!(result(&[("a", "1"), ("b", "0")], &[("a", "2"), ("b", "0")]).clashes.len(), 1);
    assert_eq!(result(&[("a", "1"), ("b", "0")], &[("b", "0")]).clashes.len(), 1);
}

#[test]
fn trees_nested_without_end_are_refused() {
    let memory = MemoryTrees::default();
    let nest = |leaf: &str| {
        let mut at = memory.root(&tree(&[("leaf", leaf)]));
        for _ in 0..200 {
            at = memory.add(Tree::build([TreeEntry { name: "d", mode: EntryMode::Directory, id: at.into() }]));
        }
        at
    };
    let error = merge(&memory, nest("1"), nest("2"), nest("3")).unwrap_err();
    assert!(matches!(error, MergeError::Read(ReadError::TooDeep { .. })), "{error}");
}

/// What each file must become, told from the three maps alone.
fn expected(base: &Files, ours: &Files, theirs: &Files) -> BTreeMap<String, Result<(EntryMode, String), ()>> {
    let paths: BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let three = |path: &str| (base.get(path), ours.get(path), theirs.get(path));
    let merged = paths.into_iter().filter_map(|path| match three(path) {
        (_, o, t) if o == t => o.map(|file| (path.clone(), Ok(file.clone()))),
        (b, o, t) if b == t => o.map(|file| (path.clone(), Ok(file.clone()))),
        (b, o, t) if b == o => t.map(|file| (path.clone(), Ok(file.clone()))),
        (Some(b), Some(o), Some(t))
            if (o.0 == b.0 || t.0 == b.0 || o.0 == t.0) && (o.1 == b.1 || t.1 == b.1 || o.1 == t.1) =>
        {
            let mode = if o.0 == b.0 { t.0 } else { o.0 };
            let content = if o.1 == b.1 { &t.1 } else { &o.1 };
            Some((path.clone(), Ok((mode, content.clone()))))
        }
        _ => Some((path.clone(), Err(()))),
    });
    merged.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn trees_merge_as_their_files_do(base in any_tree(), ours in any_tree(), theirs in any_tree()) {
        let expected = expected(&base, &ours, &theirs);
        let (files, clashes) = merged(&base, &ours, &theirs);
        let named = |path: &str| clashes.iter().any(|clash| clash.path.is_at_or_below(path));
        for (path, file) in &expected {
            let is_above = expected.keys().any(|other| other.starts_with(&format!("{path}/")));
            prop_assert!(named(path) || (file.is_ok() && !is_above), "{path} clashes and is not named: {clashes:?}");
        }
        for clash in &clashes {
            let path = clash.path.as_str();
            let above_or_below = expected.keys().any(|other| other.starts_with(&format!("{path}/")));
            prop_assert!(expected.get(path).is_some_and(Result::is_err) || above_or_below, "{path} is named without need");
        }
        if clashes.is_empty() {
            let expected: Files = expected.into_iter().map(|(path, file)| (path, file.unwrap())).collect();
            prop_assert_eq!(files, expected);
        }
    }

    #[test]
    fn both_directions_agree(base in any_tree(), ours in any_tree(), theirs in any_tree()) {
        let (files, clashes) = merged(&base, &ours, &theirs);
        let (mirrored, mirrored_clashes) = merged(&base, &theirs, &ours);
        prop_assert_eq!(clashes.is_empty(), mirrored_clashes.is_empty());
        if clashes.is_empty() {
            prop_assert_eq!(files, mirrored);
        }
    }

    #[test]
    fn a_side_that_changed_nothing_takes_the_other(base in any_tree(), ours in any_tree()) {
        prop_assert_eq!(merged(&base, &ours, &base), (ours.clone(), vec![]));
        prop_assert_eq!(merged(&base, &base, &ours), (ours.clone(), vec![]));
        prop_assert_eq!(merged(&base, &ours, &ours), (ours.clone(), vec![]));
    }
}
