use super::*;
use crate::testing::{TestStore, commit_file, files, git, meta, put, send, try_git};
use std::collections::BTreeSet;

fn dir(store: &TestStore) -> PathBuf {
    store.store.objects_dir().join("pack")
}

fn packs(store: &TestStore) -> usize {
    list(&dir(store)).unwrap().len()
}

/// Stock Git reads every pack from its beginning, strictly, and finds the index it would have written.
fn check_packs(store: &TestStore) {
    store.check_fsck_dangling();
    for found in list(&dir(store)).unwrap() {
        let (pack, index) =
            (dir(store).join(format!("{}.pack", found.name)), dir(store).join(format!("{}.idx", found.name)));
        let again = store.dir.path().join("again.idx");
        git(store.store.dir(), &["index-pack", "--strict", "-o", again.to_str().unwrap(), pack.to_str().unwrap()]);
        assert_eq!(fs::read(&again).unwrap(), fs::read(&index).unwrap());
        fs::remove_file(&again).unwrap();
    }
}

fn age(path: &Path, by: Duration) {
    let file = fs::File::options().append(true).open(path).or_else(|_| fs::File::open(path)).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn many_packs_become_few_and_nothing_is_lost() {
    let store = TestStore::new();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::NotNeeded { packs: 0 });
    for number in 0..LEVEL_PACKS_MAX - 1 {
        store.land(&[(&format!("dir/{number}"), &number.to_string())]);
    }
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::NotNeeded { packs: LEVEL_PACKS_MAX - 1 });
    store.land(&[("dir/1", "one more")]);
    let first = store.store.commit_at(configbus_model::Revision(1)).unwrap().unwrap();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::Joined { before: LEVEL_PACKS_MAX, after: 1 });
    check_packs(&store);
    assert_eq!(store.store.commit_at(configbus_model::Revision(1)).unwrap(), Some(first));
    let contents = ["0", "one more", "2", "3", "4", "5", "6"];
    let names: Vec<_> = (0..7).map(|number| format!("dir/{number}")).collect();
    let expected: Vec<_> = names.iter().map(String::as_str).zip(contents).collect();
    assert_eq!(store.files(), files(&expected));
    store.check_fsck();
    store.land(&[("after", "1")]);
    store.check_fsck();
}

#[test]
fn a_pack_stays_some_seconds_for_who_has_read_its_index() {
    let store = TestStore::new();
    let all = || fs::read_dir(dir(&store)).unwrap().filter(|entry| is_pack(&entry.as_ref().unwrap().path())).count();
    for number in 0..LEVEL_PACKS_MAX {
        store.land(&[("a", &number.to_string())]);
    }
    store.store.upkeep().unwrap();
    assert_eq!((packs(&store), all()), (1, LEVEL_PACKS_MAX + 1));
    let past = Instant::now().checked_sub(RETIRED_FOR).unwrap();
    store.store.inner.upkeep.lock().unwrap().values_mut().for_each(|since| *since = past);
    store.store.upkeep().unwrap();
    assert_eq!((packs(&store), all()), (1, 1));
    store.check_fsck();
}

fn is_pack(path: &Path) -> bool {
    path.extension() == Some("pack".as_ref())
}

/// The same directories and contents come again and again, in packs with differences and in packs of pushes.
#[test]
fn what_several_packs_have_is_copied_once_and_differences_find_their_bases() {
    let store = TestStore::new();
    let names: Vec<_> = (0..40).map(|number| format!("dir/{number:02}")).collect();
    store.land(&names.iter().map(|name| (name.as_str(), "0")).collect::<Vec<_>>());
    let clone = store.clone_to("clone");
    for round in 0..12 {
        let mut batch = store.store.begin_batch();
        for step in 0..6 {
            let edits = [put(&names[step * 3], &format!("{}", (round + step) % 3))];
            let staged = batch.stage(&edits).unwrap();
            batch.add(&staged, &meta("edit"), None).unwrap();
        }
        batch.land().unwrap();
        if round % 4 == 0 {
            commit_file(&clone, "dir/00", &format!("{}", (round / 4 + 1) % 3));
            send(&store, &clone);
        }
    }
    let objects = |store: &TestStore| -> BTreeSet<String> {
        let all = git(store.store.dir(), &["cat-file", "--batch-all-objects", "--batch-check"]);
        all.lines().map(str::to_owned).collect()
    };
    let before = objects(&store);
    assert!(matches!(store.store.upkeep().unwrap(), Upkeep::Joined { after, .. } if after < LEVEL_PACKS_MAX));
    assert_eq!(objects(&store), before);
    check_packs(&store);
}

#[test]
fn a_damaged_pack_is_not_copied() {
    let store = TestStore::new();
    for number in 0..LEVEL_PACKS_MAX {
        store.land(&[("a", &number.to_string())]);
    }
    let found = list(&dir(&store)).unwrap().remove(3);
    let path = dir(&store).join(format!("{}.pack", found.name));
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    assert!(matches!(store.store.upkeep(), Err(UpkeepError::Io { .. })));
    assert_eq!(packs(&store), LEVEL_PACKS_MAX, "nothing went");
}

/// What does not shrink.
fn noise(number: u64, length: u64) -> String {
    let word = |at: u64| (at + 1).wrapping_mul(number + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (0..length).map(|at| format!("{:08x}", word(at))).collect()
}

#[test]
fn when_it_is_quiet_stock_git_joins_what_is_left() {
    let store = TestStore::new();
    // Of several levels, so that none is full.
    for number in 0..=QUIET_PACKS_MAX as u64 {
        store.land(&[("a", &noise(number, if number % 2 == 0 { 1 } else { 4_000 }))]);
    }
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::NotNeeded { packs: QUIET_PACKS_MAX + 1 });
    for found in list(&dir(&store)).unwrap() {
        age(&dir(&store).join(format!("{}.pack", found.name)), 2 * QUIET_AFTER);
    }
    assert!(matches!(store.store.upkeep().unwrap(), Upkeep::Joined { after, .. } if after <= 2));
    store.check_fsck();
}

#[test]
fn levels_are_told_by_size_and_large_packs_are_left_alone() {
    let sized = |sizes: &[u64]| -> Vec<PackFile> {
        let pack = |size_bytes: &u64| PackFile {
            name: String::new(),
            size_bytes: *size_bytes,
            packed: SystemTime::now(),
            is_indexed: false,
        };
        sizes.iter().map(pack).collect()
    };
    assert_eq!(full_level(&sized(&[100; 7])), None);
    assert_eq!(
        full_level(&sized(&[100, 5_000, 100, 100, 100, 100, 100, 100, 100])),
        Some(vec![0, 2, 3, 4, 5, 6, 7, 8])
    );
    assert_eq!(full_level(&sized(&[COPIED_BYTES_MAX; 20])), None);
    let large = full_level(&sized(&[COPIED_BYTES_MAX / 2; 8])).unwrap();
    assert_eq!(large, [0, 1], "together they are large enough");
}

#[test]
fn protected_packs_are_left_alone_and_only_one_upkeep_runs() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let pack = list(&dir(&store)).unwrap().remove(0);
    fs::write(dir(&store).join(format!("{}.keep", pack.name)), "receive-pack").unwrap();
    assert_eq!(packs(&store), 0);
    let _running = store.store.inner.upkeep.lock().unwrap();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::Busy);
}

fn age_all(store: &TestStore, by: Duration) {
    for entry in fs::read_dir(dir(store)).unwrap() {
        age(&entry.unwrap().path(), by);
    }
}

#[test]
fn when_it_is_quiet_packs_are_indexed_together_and_stay_as_long_as_the_index_is_true() {
    let store = TestStore::new();
    for number in 0..4 {
        store.land(&[("a", &number.to_string())]);
    }
    store.store.upkeep().unwrap();
    assert!(pack_index::written(&dir(&store)).is_none(), "somebody is at work");
    age_all(&store, 2 * QUIET_AFTER);
    store.store.upkeep().unwrap();
    assert!(pack_index::has_bitmaps(&dir(&store)).unwrap());
    let indexed = pack_index::packs(&dir(&store)).unwrap();
    assert_eq!(indexed.len(), 4);
    git(store.store.dir(), &["multi-pack-index", "verify"]);
    for number in 0..LEVEL_PACKS_MAX {
        store.land(&[("b", &number.to_string())]);
    }
    store.store.upkeep().unwrap();
    assert_eq!(packs(&store), 5, "what is indexed is not copied");
    assert_eq!(pack_index::packs(&dir(&store)).unwrap(), indexed);
    store.check_fsck();
    let clone = store.clone_to("clone");
    assert_eq!(git(&clone, &["rev-list", "--count", "HEAD"]).trim(), "12");
    // Joined by stock Git, all of it goes and comes back.
    for number in 0..=QUIET_PACKS_MAX as u64 {
        store.land(&[("c", &noise(number, if number % 2 == 0 { 1 } else { 4_000 }))]);
    }
    age_all(&store, 2 * QUIET_AFTER);
    store.store.upkeep().unwrap();
    assert!(packs(&store) < 5);
    assert_eq!(pack_index::packs(&dir(&store)).unwrap().len(), packs(&store));
    git(store.store.dir(), &["multi-pack-index", "verify"]);
    store.check_fsck();
    store.land(&[("after", "1")]);
}

#[test]
fn what_nothing_leads_to_goes_after_weeks_and_what_is_young_or_led_to_stays() {
    let (store, weeks) = (TestStore::new(), Duration::from_secs(15 * 24 * 60 * 60));
    store.land(&[("a", "1")]);
    let repository = store.store.dir();
    let clone = store.clone_to("clone");
    let push = |name: &str, to: &str| -> String {
        commit_file(&clone, name, "1");
        git(&clone, &["push", "-q", "origin", &format!("HEAD:{to}")]);
        let id = git(&clone, &["rev-parse", "HEAD"]).trim().to_owned();
        git(&clone, &["reset", "-q", "--hard", "HEAD~1"]);
        id
    };
    let [branch, gone, refused] = ["kept", "gone", "refused"].map(|name| push(name, &format!("refs/heads/{name}")));
    git(repository, &["update-ref", &format!("refs/configbus/refused/{refused}"), &refused]);
    for name in ["gone", "refused"] {
        git(repository, &["update-ref", "-d", &format!("refs/heads/{name}")]);
    }
    age_all(&store, weeks);
    age(&repository.join(format!("refs/configbus/refused/{refused}")), weeks);
    let young = push("young", "refs/heads/young");
    git(repository, &["update-ref", "-d", "refs/heads/young"]);
    for entry in fs::read_dir(dir(&store)).unwrap() {
        let path = entry.unwrap().path();
        let is_new = path.metadata().unwrap().modified().unwrap().elapsed().unwrap() < QUIET_AFTER;
        if is_new {
            age(&path, 2 * QUIET_AFTER);
        }
    }
    let is_there = |id: &str| try_git(repository, &["cat-file", "-e", id]).status.success();
    // The first turn only begins to count.
    store.store.upkeep().unwrap();
    assert!(is_there(&gone));
    age(&repository.join("configbus/expired"), weeks);
    store.store.upkeep().unwrap();
    assert_eq!([&branch, &young, &gone, &refused].map(|id| is_there(id)), [true, true, false, false]);
    assert!(!repository.join(format!("refs/configbus/refused/{refused}")).exists());
    store.check_fsck_dangling();
    assert_eq!(store.files(), files(&[("a", "1")]));
    store.land(&[("a", "2")]);
}
