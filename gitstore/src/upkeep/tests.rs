use super::*;
use crate::testing::{TestStore, files};

fn packs(store: &TestStore) -> usize {
    list(&store.store.objects_dir().join("pack")).unwrap().len()
}

#[test]
fn many_packs_become_few_and_nothing_is_lost() {
    let store = TestStore::new();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::NotNeeded { packs: 0 });
    for number in 0..=PACKS_MAX {
        store.land(&[(&format!("dir/{}", number % 7), &number.to_string())]);
    }
    let before = PACKS_MAX + 1;
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::Joined { before, after: 1 });
    // Readers may still be about to open the old packs.
    assert_eq!(packs(&store), before + 1);
    let first = store.store.commit_at(configbus_model::Revision(1)).unwrap().unwrap();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::NotNeeded { packs: 1 });
    assert_eq!(packs(&store), 1);
    assert_eq!(store.store.commit_at(configbus_model::Revision(1)).unwrap(), Some(first));
    let expected = ["49", "50", "44", "45", "46", "47", "48"];
    let names: Vec<_> = (0..7).map(|number| format!("dir/{number}")).collect();
    let expected: Vec<_> = names.iter().map(String::as_str).zip(expected).collect();
    assert_eq!(store.files(), files(&expected));
    store.check_fsck();
    store.land(&[("after", "1")]);
    store.check_fsck();
}

#[test]
fn protected_packs_are_left_alone_and_only_one_upkeep_runs() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let dir = store.store.objects_dir().join("pack");
    let pack = list(&dir).unwrap().remove(0);
    fs::write(dir.join(format!("{}.keep", pack.name)), "receive-pack").unwrap();
    assert_eq!(packs(&store), 0);
    let _running = store.store.inner.upkeep.lock().unwrap();
    assert_eq!(store.store.upkeep().unwrap(), Upkeep::Busy);
}
