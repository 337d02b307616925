//! Power cuts: what was synced is there, of everything else any part.

use crate::{
    HeadCommit, Store,
    testing::{TestStore, git, meta, put},
};
use configbus_model::Revision;
use proptest::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lands two commits together; in all a landing of each kind is tried.
fn land_batch(store: &Store, round: usize) -> HeadCommit {
    let mut batch = store.begin_batch();
    for step in 0..2 {
        let staged =
            batch.stage(&[put(&format!("dir/{step}"), &format!("{round}")), put("a", &format!("{round}{step}"))]);
        let meta = crate::CommitMeta { time_ms: 1_000 + round as u64, ..meta("edit") };
        batch.add(&staged.unwrap(), &meta, Some("ada")).unwrap();
    }
    batch.land().unwrap().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Leaves of every file that was not synced what chance wants: all of it, nothing, no bytes, half, or zeros.
fn cut_power(now: &Path, synced: &Path, mut chance: impl FnMut() -> u8) {
    for path in files_below(now) {
        let (name, content) = (path.strip_prefix(now).unwrap().to_owned(), fs::read(&path).unwrap());
        // Names are on disk before a record refers to them.
        let is_synced =
            ["configbus/journal-0", "configbus/journal-1", "configbus/names"].iter().any(|own| name.ends_with(own));
        let before = fs::read(synced.join(&name)).ok();
        if is_synced || before.as_ref() == Some(&content) {
            continue;
        }
        let left = match chance() % 5 {
            0 => Some(content),
            1 => before,
            2 => Some(Vec::new()),
            3 => Some(content[..content.len() / 2].to_vec()),
            _ => Some(vec![0; content.len()]),
        };
        fs::remove_file(&path).unwrap();
        // Records are appended to what was synced before, and that stays.
        let left = if name.ends_with("configbus/landings") { Some(torn(synced.join(&name), left)) } else { left };
        if let Some(left) = left {
            fs::write(&path, left).unwrap();
        }
    }
}

fn torn(synced: PathBuf, left: Option<Vec<u8>>) -> Vec<u8> {
    let mut kept = fs::read(synced).unwrap();
    kept.extend(left.unwrap_or_default().into_iter().skip(kept.len()));
    kept
}

fn check_opens_at(dir: &Path, head: HeadCommit, last: &str) {
    let store = Store::open(dir).unwrap();
    assert_eq!(store.head(), Some(head));
    assert_eq!(git(dir, &["fsck", "--full", "--strict"]), "");
    assert_eq!(git(dir, &["rev-parse", "main"]).trim(), head.commit.to_string());
    assert_eq!(git(dir, &["cat-file", "blob", "main:a"]), last);
    assert_eq!(git(dir, &["rev-list", "--count", "main"]).trim(), head.revision.0.to_string());
    let log = store.log(head.revision, None, 100).unwrap().entries;
    let landed = log.iter().map(|entry| (entry.landed_by.as_deref(), entry.landed_ms));
    assert!(landed.take(2).all(|landed| landed == (Some("ada"), head.landed_ms)), "{log:?}");
    assert!(!dir.join("configbus/journal-0").exists());
    land_batch(&store, 77);
    assert_eq!(git(dir, &["fsck", "--full", "--strict"]), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_power_cut_leaves_of_what_was_not_synced_the_head_is_the_last_that_was_told(
        chances in prop::collection::vec(any::<u8>(), 1..40),
        before in 0usize..3,
        after in 1usize..5,
    ) {
        let store = TestStore::new();
        store.land(&[("a", "0")]);
        store.store.checkpoint().unwrap();
        for round in 0..before {
            land_batch(&store.store, round);
        }
        store.store.checkpoint().unwrap();
        let [synced, now] = ["synced", "now"].map(|name| store.dir.path().join(name));
        copy(store.store.dir(), &synced);
        let mut head = None;
        for round in 0..after {
            head = Some(land_batch(&store.store, 10 + round));
        }
        copy(store.store.dir(), &now);
        let mut chances = chances.into_iter().cycle();
        cut_power(&now, &synced, || chances.next().unwrap());
        check_opens_at(&now, head.unwrap(), &format!("{}1", 9 + after));
    }
}

#[test]
fn a_landing_whose_record_is_torn_never_was() {
    let store = TestStore::new();
    store.land(&[("a", "0")]);
    store.store.checkpoint().unwrap();
    let [synced, now] = ["synced", "now"].map(|name| store.dir.path().join(name));
    copy(store.store.dir(), &synced);
    let first = land_batch(&store.store, 1);
    let journal = ["configbus/journal-0", "configbus/journal-1"].map(|name| store.store.dir().join(name));
    let used = journal.iter().max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len())).unwrap();
    let length = fs::metadata(used).unwrap().len();
    land_batch(&store.store, 2);
    copy(store.store.dir(), &now);
    cut_power(&now, &synced, || 1);
    let torn = now.join(used.strip_prefix(store.store.dir()).unwrap());
    fs::OpenOptions::new().write(true).open(torn).unwrap().set_len(length + 100).unwrap();
    check_opens_at(&now, first, "11");
}

#[test]
fn pushes_are_in_the_journal_as_well_and_packs_that_were_joined_come_back() {
    let store = TestStore::new();
    store.land(&[("a", "0")]);
    for round in 1..=8 {
        store.land(&[("a", &round.to_string())]);
        land_batch(&store.store, round);
    }
    store.store.upkeep().unwrap();
    let head = store.head();
    let reopened = store.reopened();
    assert_eq!(reopened.head(), Some(head));
    store.check_fsck();
    assert_eq!(reopened.log(Revision(25), None, 1).unwrap().entries[0].landed_by.as_deref(), Some("ada"));
}

#[test]
fn a_ref_that_somebody_else_moved_is_left_where_it_is() {
    let store = TestStore::new();
    land_batch(&store.store, 1);
    let dir = store.store.dir();
    let foreign = git(dir, &["commit-tree", "-p", "main", "-m", "foreign", "main^{tree}"]);
    git(dir, &["update-ref", "refs/heads/main", foreign.trim()]);
    assert_eq!(store.reopened().head().unwrap().commit.to_string(), foreign.trim());
}

#[test]
fn a_full_journal_makes_its_room_itself() {
    let store = TestStore::new();
    let noise: String =
        (0..60_000u64).map(|at| format!("{:016x}", (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    // Twenty times five megabytes do not fit into 64.
    for round in 0..20 {
        let mut batch = store.store.begin_batch();
        for step in 0..8 {
            let rotated = format!("{}{}", &noise[round * 8 + step..], &noise[..round * 8 + step]);
            let staged = batch.stage(&[put(&format!("f{step}"), &rotated)]).unwrap();
            batch.add(&staged, &meta("edit"), None).unwrap();
        }
        batch.land().unwrap();
    }
    assert!(store.store.journal_bytes() < 128 << 20);
    assert_eq!(store.reopened().head(), store.store.head());
    store.check_fsck();
}
