use super::*;
use std::fs;

fn commit(number: u8) -> CommitId {
    CommitId::from_bytes([number; 20])
}

fn landing(number: u8) -> Landing {
    Landing { commit: commit(number), landed_ms: u64::from(number) * 10, by: u32::from(number) }
}

fn append(landings: &mut Landings, numbers: impl IntoIterator<Item = u8>) {
    let new: Vec<_> = numbers.into_iter().map(landing).collect();
    landings.write_ahead(&new).unwrap();
    landings.confirm(&new);
}

/// A history in which each commit builds on the one numbered one less.
fn check_repair(landings: &Landings, head: u8) -> Repair {
    let parent = |commit: CommitId| {
        let number = commit.as_bytes()[0];
        Ok::<_, io::Error>(((number > 1).then(|| CommitId::from_bytes([number - 1; 20])), 7))
    };
    repair(landings, (head > 0).then(|| commit(head)), parent).unwrap()
}

#[test]
fn records_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("configbus/landings");
    let mut landings = Landings::open(&path).unwrap();
    append(&mut landings, 1..=3);
    append(&mut landings, 4..=4);
    let landings = Landings::open(&path).unwrap();
    assert_eq!(landings.newest(), Revision(4));
    assert_eq!(landings.at(Revision(2)).unwrap(), Some(landing(2)));
    assert_eq!(landings.revision_of(commit(4)).unwrap(), Some(Revision(4)));
    assert_eq!(landings.revision_of(commit(5)).unwrap(), None);
    assert_eq!((landings.at(Revision(0)).unwrap(), landings.at(Revision(5)).unwrap()), (None, None));
    assert_eq!(check_repair(&landings, 4), Repair { kept: Revision(4), landings: vec![] });
}

#[test]
fn records_written_ahead_do_not_count_while_the_process_lives_and_are_dropped_when_git_does_not_know_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("landings");
    let mut landings = Landings::open(&path).unwrap();
    append(&mut landings, 1..=2);
    landings.write_ahead(&[landing(3)]).unwrap();
    assert_eq!(landings.newest(), Revision(2));
    let landings = Landings::open(&path).unwrap();
    assert_eq!(check_repair(&landings, 2), Repair { kept: Revision(2), landings: vec![] });
}

#[test]
fn torn_damaged_or_foreign_content_is_cut_off_and_made_again_from_git() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(Damage, u64); 5] = [
        (|bytes| bytes.truncate(8 + 44 * 2 + 17), 2),
        (|bytes| bytes[8 + 44 + 20] ^= 1, 1),
        (|bytes| bytes.extend_from_within(8..52), 5),
        (|bytes| bytes[0] = b'X', 0),
        (|bytes| bytes.clear(), 0),
    ];
    for (damage, good) in damages {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("landings");
        append(&mut Landings::open(&path).unwrap(), 1..=5);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let mut landings = Landings::open(&path).unwrap();
        assert_eq!(landings.newest(), Revision(good));
        let repair = check_repair(&landings, 5);
        assert_eq!((repair.kept, repair.landings.len() as u64), (Revision(good), 5 - good));
        landings.replace_after(repair.kept, &repair.landings).unwrap();
        assert_eq!(Landings::open(&path).unwrap().revision_of(commit(5)).unwrap(), Some(Revision(5)));
    }
}

#[test]
fn a_head_elsewhere_replaces_the_records_after_the_fork() {
    let dir = tempfile::tempdir().unwrap();
    let mut landings = Landings::open(&dir.path().join("landings")).unwrap();
    append(&mut landings, [1, 2, 30, 40]);
    let repair = check_repair(&landings, 3);
    assert_eq!(
        repair,
        Repair { kept: Revision(2), landings: vec![Landing { commit: commit(3), landed_ms: 7, by: 0 }] }
    );
    landings.replace_after(repair.kept, &repair.landings).unwrap();
    assert_eq!((landings.newest(), landings.revision_of(commit(40)).unwrap()), (Revision(3), None));
    landings.replace_after(Revision::ZERO, &[]).unwrap();
    assert_eq!(landings.newest(), Revision::ZERO);
}

#[test]
fn records_of_the_release_before_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("landings");
    let mut old = b"CBLAND1\n".to_vec();
    for number in 1..=3_u8 {
        let record = encode(u64::from(number), &landing(number));
        old.extend_from_slice(&record[..36]);
        old.extend_from_slice(&crc(&record[..36]).to_le_bytes());
    }
    old.extend_from_slice(b"torn");
    fs::write(&path, old).unwrap();
    for _ in 0..2 {
        let landings = Landings::open(&path).unwrap();
        assert_eq!(landings.newest(), Revision(3));
        assert_eq!(landings.at(Revision(2)).unwrap(), Some(Landing { by: 0, ..landing(2) }));
    }
}
