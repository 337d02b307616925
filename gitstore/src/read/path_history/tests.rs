use crate::testing::{TestStore, delete, git, path, put};
use crate::{NamedCommit, ReadError};
use configbus_model::{At, Revision};

/// Longer than what is looked at in this process: the rest is Git's.
fn long_history() -> TestStore {
    let store = TestStore::new();
    store.land(&[("dir/a", "1"), ("b", "start")]);
    store.land_edits(&[delete("dir/a")]);
    for round in 0..super::NEAR_MAX + 20 {
        store.land(&[("b", &format!("{round}"))]);
    }
    store.land(&[("dir/a", "2"), ("dir/[a]*", "literal")]);
    store
}

fn revisions(store: &TestStore, name: &str, after: u64, limit: usize) -> (Vec<u64>, Option<Revision>) {
    let head = store.head().revision;
    let page = store.store.log_of_path(head, Revision(after), &path(name), limit).unwrap();
    (page.entries.iter().map(|entry| entry.revision.0).collect(), page.next)
}

fn check_history(store: &TestStore, newest: u64) {
    assert_eq!(revisions(store, "dir/a", 0, 10), (vec![newest, 2, 1], None));
    assert_eq!(revisions(store, "dir", 0, 10), (vec![newest, 2, 1], None));
    assert_eq!(revisions(store, "dir/[a]*", 0, 10), (vec![newest], None));
    assert_eq!(revisions(store, "nothing", 0, 10), (vec![], None));
    // Pages and ranges fit together.
    assert_eq!(revisions(store, "dir/a", 0, 2), (vec![newest, 2], Some(Revision(1))));
    assert_eq!(revisions(store, "dir/a", 1, 10), (vec![newest, 2], None));
    let all = revisions(store, "b", 0, 10_000).0;
    assert_eq!((all.len(), all.last()), (super::NEAR_MAX + 21, Some(&1)));
}

#[test]
fn what_is_far_back_is_found_with_and_without_filters() {
    let store = long_history();
    let newest = store.head().revision.0;
    check_history(&store, newest);
    assert!(store.store.index_history_of(1).unwrap());
    check_history(&store, newest);
    git(store.store.dir(), &["commit-graph", "verify"]);
    store.check_fsck();
    assert!(!store.store.index_history_of(1).unwrap(), "nothing has landed since");
    store.land(&[("c", "1")]);
    assert!(!store.store.index_history_of(2).unwrap(), "too little has");
    assert!(store.store.index_history_of(1).unwrap());
    check_history(&store, newest);
}

#[test]
fn what_only_hidden_refs_lead_to_is_not_in_the_index() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let dir = store.store.dir();
    let aside = git(dir, &["commit-tree", "-p", "main", "-m", "aside", "main^{tree}"]);
    git(dir, &["update-ref", "refs/configbus/foreign/1", aside.trim()]);
    assert!(store.store.index_history_of(1).unwrap());
    git(dir, &["update-ref", "-d", "refs/configbus/foreign/1"]);
    git(dir, &["prune", "--expire=now"]);
    git(dir, &["commit-graph", "verify"]);
    store.check_fsck();
}

#[test]
fn times_and_commits_are_points_in_history() {
    let store = TestStore::new();
    let first = store.land(&[("a", "1")]);
    let head = store.store.head();
    let landing = store.store.land_edits(head.as_ref(), &[put("a", "2")], &crate::testing::meta("edit")).unwrap();
    let crate::EditLanding::Landed { commit, .. } = landing else { panic!("nothing changed") };
    store.store.move_head(Some(first.commit), commit, 5_000).unwrap();
    let at = |ms| store.store.revision_at(ms).unwrap().0;
    assert_eq!([at(0), at(999), at(1_000), at(4_999), at(5_000), at(u64::MAX)], [0, 0, 1, 1, 2, 2]);
    let find = |text: &str| -> Result<NamedCommit, ReadError> {
        let Ok(At::Commit(prefix)) = At::parse(text, 0) else { panic!("{text} is no commit") };
        store.store.find_commit(&prefix)
    };
    let id = first.commit.to_string();
    assert_eq!(find(&id).unwrap(), NamedCommit::Revision(Revision(1)));
    let prefix = (7..40).map(|digits| &id[..digits]).find(|prefix| prefix.contains(|c: char| c.is_ascii_alphabetic()));
    assert_eq!(find(prefix.unwrap()).unwrap(), NamedCommit::Revision(Revision(1)));
    assert_eq!(find(&"e".repeat(40)).unwrap(), NamedCommit::Nothing);
    assert_eq!(find(&"e".repeat(12)).unwrap(), NamedCommit::Nothing);
}
