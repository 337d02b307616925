use super::*;
use crate::testing::{TestStore, commit_file, delete, files, git, meta, path, put, send, try_git};
use configbus_model::{EntryMode, Revision};
use std::fs;

/// Lands a push as the committer does and returns what became of it.
fn push(store: &TestStore, tip: CommitId) -> PushLanding {
    let head = store.store.head();
    let landing = store.store.land_push(head.as_ref(), tip, &meta("merge")).unwrap();
    if let PushLanding::FastForward { commit, .. } | PushLanding::Merged { commit, .. } = landing {
        store.store.move_head(head.map(|head| head.commit), commit, 2_000).unwrap();
    }
    landing
}

#[test]
fn edits_land_as_commits_that_stock_git_reads() {
    let store = TestStore::new();
    let first = store.land(&[("a.json", "1"), ("dir/deep/b.json", "2")]);
    assert_eq!((first.revision, first.landed_ms), (Revision(1), 1_000));
    let second = store.land_edits(&[put("dir/deep/b.json", "3"), put("dir/c.json", "4"), delete("a.json")]);
    assert_eq!(second.revision, Revision(2));
    assert_eq!(store.files(), files(&[("dir/c.json", "4"), ("dir/deep/b.json", "3")]));
    store.check_fsck();
    let clone = store.clone_to("clone");
    assert_eq!(fs::read_to_string(clone.join("dir/deep/b.json")).unwrap(), "3");
    let log = git(&clone, &["log", "--format=%an %ae %cn %s %ct"]);
    assert_eq!(log, "ann ann@example.org bus edit 1700000000\n".repeat(2));
}

#[test]
fn deleting_the_last_file_leaves_the_empty_tree() {
    let store = TestStore::new();
    store.land(&[("dir/only", "x")]);
    let head = store.land_edits(&[delete("dir/only")]);
    assert_eq!(head.tree, TreeId::EMPTY);
    store.check_fsck();
    let next = store.land(&[("again", "y")]);
    assert_eq!(next.revision, Revision(3));
    store.check_fsck();
}

#[test]
fn the_same_content_makes_no_commit() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let landing = store.store.land_edits(Some(&head), &[put("a", "1")], &meta("same")).unwrap();
    assert_eq!(landing, EditLanding::Unchanged);
}

#[test]
fn edits_staged_on_another_content_do_not_land() {
    let store = TestStore::new();
    let old = store.land(&[("a", "1")]);
    let staged = store.store.stage_edits(Some(old.tree), &[put("a", "2")]).unwrap();
    let head = store.land(&[("b", "1")]);
    let error = store.store.land_staged(Some(&head), &staged, &meta("late")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[test]
fn content_that_is_somewhere_in_the_repository_is_written_again() {
    let store = TestStore::new();
    store.land(&[("a", "precious")]);
    let head = store.land_edits(&[delete("a")]);
    let packs = || fs::read_dir(store.store.objects_dir().join("pack")).unwrap().count();
    let before = packs();
    let landing = store.store.land_edits(Some(&head), &[put("b", "precious")], &meta("again")).unwrap();
    assert!(matches!(landing, EditLanding::Landed { .. }));
    assert_eq!(packs(), before + 2);
    let newest = fs::read_dir(store.store.objects_dir().join("pack")).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension() == Some("idx".as_ref()));
    let newest = newest.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap();
    let blob = configbus_model::blob_id(b"precious").unwrap();
    assert!(crate::disk::pack::ids_of(&newest).unwrap().contains(&blob.into()));
}

#[test]
fn a_push_onto_the_head_is_a_fast_forward_and_counts_its_commits() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    commit_file(&clone, "b", "2");
    let tip = commit_file(&clone, "c", "3");
    send(&store, &clone);
    let landing = push(&store, tip);
    assert!(matches!(landing, PushLanding::FastForward { commit, .. } if commit == tip));
    assert_eq!((store.head().commit, store.head().revision), (tip, Revision(3)));
    let between = store.store.commit_at(Revision(2)).unwrap().unwrap();
    assert_eq!((between.landed_ms, store.store.revision_of(between.commit)), (2_000, Some(Revision(2))));
}

#[test]
fn first_push_into_an_empty_repository_lands() {
    let store = TestStore::new();
    let work = store.dir.path().join("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    let tip = commit_file(&work, "a", "1");
    send(&store, &work);
    assert!(matches!(push(&store, tip), PushLanding::FastForward { .. }));
    assert_eq!(store.head().revision, Revision(1));
}

#[test]
fn a_stale_push_lands_as_a_merge_and_its_commits_keep_their_ids() {
    let store = TestStore::new();
    store.land(&[("a", "1"), ("b", "1")]);
    let clone = store.clone_to("clone");
    let head = store.land(&[("a", "2")]);
    let tip = commit_file(&clone, "b", "2");
    send(&store, &clone);
    let PushLanding::Merged { commit, .. } = push(&store, tip) else { panic!("no merge") };
    let parents = store.store.commit(commit).unwrap().parents;
    assert_eq!(parents, [head.commit, tip]);
    assert_eq!(store.files(), files(&[("a", "2"), ("b", "2")]));
    assert_eq!(store.head().revision, Revision(3));
    // The same clone pushes again without having pulled: what landed is known.
    let tip = commit_file(&clone, "b", "3");
    send(&store, &clone);
    assert!(matches!(push(&store, tip), PushLanding::Merged { .. }));
    assert_eq!(store.files(), files(&[("a", "2"), ("b", "3")]));
    git(&clone, &["pull", "-q", "--ff-only"]);
    store.check_fsck();
}

#[test]
fn a_merge_by_the_author_that_has_the_head_as_second_parent_does_not_move_the_revision_back() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    commit_file(&clone, "b", "1");
    for number in 2..8 {
        store.land(&[("a", &number.to_string())]);
    }
    git(&clone, &["pull", "-q", "--no-rebase", "--no-edit"]);
    let tip = send(&store, &clone);
    assert!(matches!(push(&store, tip), PushLanding::Merged { .. }));
    assert_eq!(store.head().revision, Revision(8));
    assert_eq!(store.files(), files(&[("a", "7"), ("b", "1")]));
}

#[test]
fn a_true_conflict_is_named_by_path_and_by_the_commits_of_both_sides() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1"), ("b", "1"), ("gone", "1")]);
    let clone = store.clone_to("clone");
    let ours = store.land(&[("dir/a", "2")]);
    let deleted = store.land_edits(&[delete("gone")]);
    store.land(&[("unrelated", "1")]);
    let theirs = commit_file(&clone, "dir/a", "3");
    let tip = commit_file(&clone, "gone", "2");
    send(&store, &clone);
    let PushLanding::Conflict(conflicts) = push(&store, tip) else { panic!("no conflict") };
    let named: Vec<_> = conflicts.iter().map(|conflict| (conflict.path.as_str(), conflict.kind)).collect();
    assert_eq!(named, [("dir/a", crate::ConflictKind::BothChanged), ("gone", crate::ConflictKind::DeletedByHead)]);
    let head_side = |index: usize| conflicts[index].head_side.clone().unwrap();
    let push_side = |index: usize| conflicts[index].push_side.clone().unwrap();
    assert_eq!((head_side(0).commit, head_side(0).revision), (ours.commit, Some(Revision(2))));
    assert_eq!((push_side(0).commit, push_side(0).revision), (theirs, None));
    assert_eq!((head_side(1).commit, push_side(1).subject), (deleted.commit, "write gone".to_owned()));
    assert_eq!(store.head().revision, Revision(4));
}

#[test]
fn tips_that_bring_nothing_new_and_unrelated_histories_do_not_land() {
    let store = TestStore::new();
    let first = store.land(&[("a", "1")]);
    store.land(&[("a", "2")]);
    assert_eq!(push(&store, first.commit), PushLanding::NothingNew);
    assert_eq!(push(&store, store.head().commit), PushLanding::NothingNew);
    let work = store.dir.path().join("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    let tip = commit_file(&work, "other", "1");
    send(&store, &work);
    assert_eq!(push(&store, tip), PushLanding::Unrelated);
}

#[test]
fn a_tip_that_was_merged_before_brings_nothing_new() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    store.land(&[("a", "2")]);
    let tip = commit_file(&clone, "b", "1");
    send(&store, &clone);
    assert!(matches!(push(&store, tip), PushLanding::Merged { .. }));
    assert_eq!(push(&store, tip), PushLanding::NothingNew);
}

#[test]
fn a_push_from_a_shallow_clone_lands() {
    let store = TestStore::new();
    for number in 0..5 {
        store.land(&[("a", &number.to_string())]);
    }
    let clone = store.dir.path().join("shallow");
    let url = format!("file://{}", store.store.dir().display());
    git(store.dir.path(), &["clone", "-q", "--depth=1", &url, clone.to_str().unwrap()]);
    store.land(&[("a", "5")]);
    let tip = commit_file(&clone, "b", "1");
    send(&store, &clone);
    assert!(matches!(push(&store, tip), PushLanding::Merged { .. }));
    assert_eq!(store.files(), files(&[("a", "5"), ("b", "1")]));
    store.check_fsck();
}

#[test]
fn two_clones_that_merged_each_other_have_two_merge_bases_and_still_merge() {
    let store = TestStore::new();
    store.land(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let (left, right) = (store.clone_to("left"), store.clone_to("right"));
    commit_file(&left, "a", "2");
    commit_file(&right, "b", "2");
    let (left_url, right_url) = (left.to_str().unwrap().to_owned(), right.to_str().unwrap().to_owned());
    let right_tip = crate::testing::tip(&right);
    git(&right, &["pull", "-q", "--no-rebase", "--no-edit", &left_url, "main"]);
    git(&left, &["fetch", "-q", &right_url]);
    git(&left, &["merge", "-q", "--no-edit", &right_tip.to_string()]);
    commit_file(&left, "c", "2");
    commit_file(&right, "d", "1");
    for clone in [&left, &right] {
        let tip = send(&store, clone);
        assert!(matches!(push(&store, tip), PushLanding::FastForward { .. } | PushLanding::Merged { .. }));
    }
    assert_eq!(store.files(), files(&[("a", "2"), ("b", "2"), ("c", "2"), ("d", "1")]));
    store.check_fsck();
}

#[test]
fn racing_pushes_and_edits_of_different_files_all_land() {
    let store = TestStore::new();
    store.land(&[("seed", "0")]);
    let clones: Vec<_> = (0..4).map(|number| store.clone_to(&format!("clone-{number}"))).collect();
    for round in 0..3 {
        for (number, clone) in clones.iter().enumerate() {
            let tip = commit_file(clone, &format!("dir/{number}"), &round.to_string());
            send(&store, clone);
            assert!(matches!(push(&store, tip), PushLanding::FastForward { .. } | PushLanding::Merged { .. }));
            store.land(&[("seed", &format!("{round}-{number}"))]);
        }
    }
    let expected = [("dir/0", "2"), ("dir/1", "2"), ("dir/2", "2"), ("dir/3", "2"), ("seed", "2-3")];
    assert_eq!(store.files(), files(&expected));
    assert_eq!(store.head().revision, Revision(25));
    assert_eq!(git(store.store.dir(), &["rev-list", "--count", "--first-parent", "main"]).trim(), "25");
    store.check_fsck();
}

#[test]
fn modes_survive_edits_and_merges() {
    let store = TestStore::new();
    let run = TreeEdit {
        path: path("run.sh"),
        change: crate::TreeChange::Put { mode: Some(EntryMode::Executable), content: "#!".into() },
    };
    store.land_edits(&[run, put("a", "1")]);
    store.land(&[("run.sh", "#!/bin/sh")]);
    let (entry, content) = store.store.file(store.head().commit, &path("run.sh")).unwrap().unwrap();
    assert_eq!((entry.mode, &content[..], entry.size_bytes), (EntryMode::Executable, &b"#!/bin/sh"[..], 9));
    let clone = store.clone_to("clone");
    assert!(try_git(&clone, &["diff", "--quiet"]).status.success());
}
