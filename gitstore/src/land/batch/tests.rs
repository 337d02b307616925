use super::*;
use crate::testing::{Files, TestStore, any_tree, delete, files, git, meta, path, put, rerun, subject};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn add(batch: &mut Batch, edits: &[TreeEdit], message: &str) -> Option<HeadCommit> {
    let staged = batch.stage(edits).unwrap();
    batch.add(&staged, &meta(message), Some(message)).unwrap()
}

fn subjects(store: &TestStore) -> Vec<String> {
    git(store.store.dir(), &["log", "--format=%s", "main"]).lines().map(str::to_owned).collect()
}

#[test]
fn each_change_is_a_commit_and_all_of_them_are_one_pack() {
    let store = TestStore::new();
    let before = store.land(&[("a/x", "1"), ("a/y", "1"), ("b", "1")]);
    let packs = || std::fs::read_dir(store.store.objects_dir().join("pack")).unwrap().count();
    let packs_before = packs();
    let mut batch = store.store.begin_batch();
    let second = add(&mut batch, &[put("a/x", "2")], "ada").unwrap();
    assert!(batch.find(&path("a/x")).unwrap() != batch.find(&path("a/y")).unwrap());
    assert_eq!(add(&mut batch, &[put("a/x", "2")], "same"), None);
    let third = add(&mut batch, &[put("a/x", "3"), delete("b")], "bob").unwrap();
    assert_eq!((store.head(), batch.len()), (before, 2), "nobody sees what is not durable");
    assert_eq!(batch.land().unwrap(), Some(third));
    assert_eq!(store.head(), third);
    assert_eq!((second.revision, third.revision), (Revision(2), Revision(3)));
    assert_eq!(packs(), packs_before + 2, "a pack and its index");
    assert_eq!(store.files(), files(&[("a/x", "3"), ("a/y", "1")]));
    assert_eq!(subjects(&store), ["bob", "ada", "edit"]);
    let log = store.store.log(third.revision, None, 2).unwrap();
    let by: Vec<_> = log.entries.iter().map(|entry| entry.landed_by.as_deref()).collect();
    assert_eq!(by, [Some("bob"), Some("ada")]);
    assert_eq!(store.reopened().head(), Some(third));
    store.check_fsck();
}

#[test]
fn a_batch_on_a_head_that_moved_lands_nothing() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let mut batch = store.store.begin_batch();
    add(&mut batch, &[put("a", "2")], "late").unwrap();
    let other = store.land(&[("a", "3")]);
    assert!(matches!(batch.land(), Err(BatchError::Move(MoveHeadError::HeadMoved { .. }))));
    let mut batch = store.store.begin_batch();
    add(&mut batch, &[put("a", "4")], "foreign").unwrap();
    git(store.store.dir(), &["update-ref", "refs/heads/main", "main~1"]);
    assert!(matches!(batch.land(), Err(BatchError::Move(MoveHeadError::HeadMoved { .. }))));
    assert_eq!(store.head(), other);
    assert!(!store.store.dir().join("refs/heads/main.lock").exists());
}

#[test]
fn a_batch_has_bounds_and_an_empty_one_does_nothing() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    assert_eq!(store.store.begin_batch().land().unwrap(), Some(head));
    let mut batch = store.store.begin_batch();
    for number in 0..BATCH_COMMITS_MAX {
        assert!(!batch.is_full());
        add(&mut batch, &[put("a", &format!("{number:04}"))], "many").unwrap();
    }
    assert!(batch.is_full());
    batch.land().unwrap();
    let noise: Vec<u8> = (0..BYTES_MAX as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let mut batch = store.store.begin_batch();
    let change = crate::TreeChange::Put { mode: None, content: Bytes::from(noise) };
    add(&mut batch, &[TreeEdit { path: path("noise"), change }], "large").unwrap();
    assert!(batch.is_full() || batch.size_bytes() < BYTES_MAX);
    batch.land().unwrap();
    store.check_fsck();
}

#[test]
fn edits_staged_elsewhere_do_not_get_in() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let staged = store.store.stage_edits(Some(head.tree), &[put("a", "2")]).unwrap();
    let mut batch = store.store.begin_batch();
    add(&mut batch, &[put("b", "1")], "first").unwrap();
    assert!(matches!(batch.add(&staged, &meta("m"), None), Err(LandError::OtherBase { .. })));
}

#[test]
fn a_directory_that_comes_again_is_stored_as_a_difference() {
    let store = TestStore::new();
    let names: Vec<_> = (0..200).map(|number| format!("dir/{number:03}")).collect();
    store.land(&names.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>());
    let mut batch = store.store.begin_batch();
    for (number, name) in names.iter().enumerate().take(100) {
        add(&mut batch, &[put(name, &format!("{number} is new"))], "edit").unwrap();
    }
    assert!(batch.size_bytes() < 80_000, "100 directories of 6 KB take {} bytes", batch.size_bytes());
    batch.land().unwrap();
    store.check_fsck();
}

/// What is killed: lands batches for ever. Alone it does nothing.
#[test]
fn subject_lands_batches() {
    let Some(dir) = subject() else { return };
    let store = Store::open(&dir).unwrap();
    loop {
        let mut batch = store.begin_batch();
        let round = batch.running().unwrap().revision;
        for number in 0..20 {
            add(&mut batch, &[put(&format!("d/{number}"), &format!("{round}"))], &round.to_string()).unwrap();
        }
        let head = batch.land().unwrap().unwrap();
        std::fs::write(dir.join("acknowledged"), head.commit.to_string()).unwrap();
    }
}

#[test]
fn killed_at_any_point_the_head_is_an_old_or_a_new_one_with_all_its_objects() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    for round in 0..6_u64 {
        let mut child = rerun(module_path!(), "subject_lands_batches", store.store.dir()).spawn().unwrap();
        let acknowledged = store.store.dir().join("acknowledged");
        while !acknowledged.exists() {
            assert_eq!(child.try_wait().unwrap(), None, "the subject ended by itself");
            std::thread::yield_now();
        }
        // The moment is what is random here; nothing waits for it to have been long enough.
        std::thread::park_timeout(std::time::Duration::from_micros(fastrand_of(round)));
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = std::fs::read_to_string(acknowledged).unwrap();
        let reopened = store.reopened();
        if let Ok(commit) = acknowledged.parse() {
            assert!(reopened.revision_of(commit).is_some(), "{acknowledged} was acknowledged and is lost");
        }
        std::fs::remove_file(store.store.dir().join("acknowledged")).unwrap();
        let _ = std::fs::remove_file(store.store.dir().join("refs/heads/main.lock"));
        store.check_fsck_dangling();
    }
}

fn fastrand_of(seed: u64) -> u64 {
    seed.wrapping_mul(7_919) % 20_000
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any series of states, each reached from the one before by edits, is there afterwards as stock Git sees it.
    #[test]
    fn any_series_of_changes_is_what_stock_git_reads(states in prop::collection::vec(any_tree(), 1..12)) {
        let store = TestStore::new();
        let mut batch = store.store.begin_batch();
        let mut landed: Vec<(HeadCommit, Files)> = Vec::new();
        let mut before = Files::new();
        for after in states {
            if let Some(head) = add(&mut batch, &steps(&before, &after), "step") {
                landed.push((head, after.clone()));
            }
            before = after;
        }
        batch.land().unwrap();
        for (head, expected) in &landed {
            let listed = git(store.store.dir(), &["ls-tree", "-r", "--name-only", &head.commit.to_string()]);
            let found: BTreeMap<String, String> = listed
                .lines()
                .map(|name| (name.to_owned(), git(store.store.dir(), &["cat-file", "blob", &format!("{}:{name}", head.commit)])))
                .collect();
            let expected: BTreeMap<String, String> =
                expected.iter().map(|(name, (_, content))| (name.clone(), content.clone())).collect();
            prop_assert_eq!(found, expected);
        }
        check_packs(&store);
    }
}

fn steps(before: &Files, after: &Files) -> Vec<TreeEdit> {
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| delete(path));
    let put = |(at, (mode, content)): (&String, &(EntryMode, String))| TreeEdit {
        path: path(at),
        change: crate::TreeChange::Put { mode: Some(*mode), content: content.clone().into() },
    };
    gone.chain(after.iter().map(put)).collect()
}

/// Stock Git reads every pack from its beginning, strictly, and finds the index it would have written.
fn check_packs(store: &TestStore) {
    store.check_fsck_dangling();
    let dir = store.store.objects_dir().join("pack");
    for entry in std::fs::read_dir(&dir).unwrap() {
        let file = entry.unwrap().path();
        if file.extension() == Some("pack".as_ref()) {
            let index = file.with_extension("idx");
            git(&dir, &["verify-pack", index.to_str().unwrap()]);
            let again = store.dir.path().join("again.idx");
            git(store.store.dir(), &["index-pack", "--strict", "-o", again.to_str().unwrap(), file.to_str().unwrap()]);
            assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&index).unwrap());
            std::fs::remove_file(&again).unwrap();
        }
    }
}
