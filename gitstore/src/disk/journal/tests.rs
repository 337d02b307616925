use super::{
    pair::Journal,
    record::{Parts, Record, Written, decode, encode},
};
use crate::disk::{landings::Landing, pack::EncodedPack};
use configbus_model::{CommitId, Revision};
use proptest::prelude::*;
use std::{fs, os::unix::fs::symlink, path::Path};

fn pack(number: u8, bytes: usize) -> EncodedPack {
    let mut pack = vec![number; bytes];
    pack.extend([number; 20]);
    EncodedPack { name: hex::encode([number; 20]), pack, index: vec![number; 40] }
}

fn landing(number: u8) -> Landing {
    Landing { commit: CommitId::from_bytes([number; 20]), landed_ms: number.into(), by: 3 }
}

/// The landing that leads to a commit with this number, from the one before.
fn record(number: u8, bytes: usize) -> Record {
    let EncodedPack { pack, index, .. } = pack(number, bytes);
    let base = (number > 1).then(|| landing(number - 1).commit);
    Record {
        base,
        first: Revision(number.into()),
        landings: vec![landing(number)],
        pack: Some(Written { pack, index }),
    }
}

fn append(journal: &Journal, number: u8) -> Option<super::Appended> {
    let (landings, pack) = ([landing(number)], pack(number, 5_000));
    let base = (number > 1).then(|| landing(number - 1).commit);
    journal.append(&Parts { base, first: Revision(number.into()), landings: &landings, pack: Some(&pack) }).unwrap()
}

fn check_journal(dir: &Path, numbers: impl IntoIterator<Item = u8>) {
    let expected: Vec<_> = numbers.into_iter().map(|number| record(number, 5_000)).collect();
    assert_eq!(Journal::read(dir).unwrap(), expected);
}

proptest! {
    #[test]
    fn a_record_is_whole_or_none(number in 2u8.., length in 1usize..9_000, damage in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (landings, encoded) = ([landing(number)], pack(number, length));
        let base = Some(landing(number - 1).commit);
        let parts = Parts { base, first: Revision(number.into()), landings: &landings, pack: Some(&encoded) };
        let bytes = encode(&parts, 7);
        prop_assert_eq!(decode(&bytes, 7), Some((record(number, length), bytes.len())));
        prop_assert_eq!(decode(&bytes, 8), None, "what an earlier use left has another number");
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        prop_assert_eq!(decode(&bytes[..damage.index(used)], 7), None);
        let mut damaged = bytes.clone();
        damaged[damage.index(used)] ^= 1 << bit;
        prop_assert_eq!(decode(&damaged, 7), None);
    }
}

#[test]
fn what_was_appended_is_read_until_it_is_durable_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(dir.path().to_owned());
    assert_eq!((journal.rest(), journal.bytes()), (None, 0));
    check_journal(dir.path(), []);
    (1..=3).for_each(|number| assert!(append(&journal, number).is_some()));
    check_journal(dir.path(), 1..=3);
    let resting = journal.rest().unwrap();
    assert_eq!(resting.packs, [1, 2, 3].map(|number: u8| format!("pack-{}", hex::encode([number; 20]))));
    // Landings go on meanwhile.
    append(&journal, 4);
    check_journal(dir.path(), 1..=4);
    assert_eq!(journal.rest().unwrap(), resting, "a checkpoint that failed is made again");
    journal.release(&resting).unwrap();
    check_journal(dir.path(), [4]);
    let resting = journal.rest().unwrap();
    append(&journal, 5);
    check_journal(dir.path(), 4..=5);
    journal.release(&resting).unwrap();
    check_journal(dir.path(), [5]);
    journal.release(&journal.rest().unwrap()).unwrap();
    assert_eq!((journal.rest(), journal.bytes()), (None, 0));
    check_journal(dir.path(), []);
}

#[test]
fn what_an_earlier_use_of_a_file_left_never_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(dir.path().to_owned());
    (1..=4).for_each(|number| assert!(append(&journal, number).is_some()));
    journal.release(&journal.rest().unwrap()).unwrap();
    append(&journal, 5);
    journal.release(&journal.rest().unwrap()).unwrap();
    // In the first file again, before records of the same length.
    append(&journal, 6);
    check_journal(dir.path(), [6]);
}

#[test]
fn a_landing_that_could_not_be_shown_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(dir.path().to_owned());
    append(&journal, 1);
    let appended = append(&journal, 9).unwrap();
    journal.retract(&appended);
    check_journal(dir.path(), [1]);
    append(&journal, 2);
    check_journal(dir.path(), 1..=2);
}

#[test]
fn a_journal_that_cannot_be_written_begins_anew_once_everything_is_durable_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/full", dir.path().join("journal-0")).unwrap();
    let journal = Journal::new(dir.path().to_owned());
    let (landings, encoded) = ([landing(1)], pack(1, 100));
    let parts = Parts { base: None, first: Revision(1), landings: &landings, pack: Some(&encoded) };
    assert!(journal.append(&parts).is_err());
    assert!(journal.append(&parts).unwrap().is_none(), "nobody knows what is there");
    let resting = journal.rest().unwrap();
    assert_eq!(resting.packs.len(), 1);
    journal.release(&resting).unwrap();
    assert!(!fs::exists(dir.path().join("journal-0")).unwrap());
    append(&journal, 1);
    check_journal(dir.path(), [1]);
}
