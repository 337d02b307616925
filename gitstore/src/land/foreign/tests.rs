use super::*;
use crate::testing::{TestStore, commit_file, git, send, tip};
use configbus_model::Revision;

fn set_ref(store: &TestStore, commit: &str) {
    git(store.store.dir(), &["update-ref", "refs/heads/main", commit]);
}

fn pass(_: Option<&HeadCommit>, _: &HeadCommit) -> bool {
    true
}

#[test]
fn a_ref_that_nobody_touched_is_left_alone() {
    let store = TestStore::new();
    assert_eq!(store.store.adopt_or_restore(5, &mut pass).unwrap(), ForeignWrite::None);
    store.land(&[("a", "1")]);
    assert_eq!(store.store.adopt_or_restore(5, &mut pass).unwrap(), ForeignWrite::None);
}

#[test]
fn what_builds_on_the_head_and_passes_the_gate_is_adopted() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    commit_file(&clone, "b", "1");
    let theirs = commit_file(&clone, "b", "2");
    send(&store, &clone);
    set_ref(&store, &theirs.to_string());
    let mut asked = Vec::new();
    let mut gate = |old: Option<&HeadCommit>, new: &HeadCommit| {
        asked.push((old.copied(), new.commit));
        true
    };
    let adopted = store.store.adopt_or_restore(5, &mut gate).unwrap();
    let expected = store.store.head().unwrap();
    assert_eq!((expected.commit, expected.revision, expected.landed_ms), (theirs, Revision(3), 5));
    assert_eq!(adopted, ForeignWrite::Adopted(expected));
    assert_eq!(asked, [(Some(head), theirs)]);
    assert_eq!(store.reopened().head(), Some(expected));
}

#[test]
fn what_the_gate_refuses_or_drops_the_head_is_put_aside() {
    let store = TestStore::new();
    let first = store.land(&[("a", "1")]);
    let head = store.land(&[("a", "2")]);
    let clone = store.clone_to("clone");
    let theirs = commit_file(&clone, "b", "1");
    send(&store, &clone);
    let main = || git(store.store.dir(), &["rev-parse", "refs/heads/main"]);
    for (time, foreign) in [(7, theirs), (8, first.commit)] {
        set_ref(&store, &foreign.to_string());
        let mut gate = |_: Option<&HeadCommit>, _: &HeadCommit| false;
        let kept_as = format!("refs/configbus/foreign/{time}");
        let expected = ForeignWrite::Restored { found: Some(foreign), kept_as: Some(kept_as.clone()) };
        assert_eq!(store.store.adopt_or_restore(time, &mut gate).unwrap(), expected);
        assert_eq!(main().trim(), head.commit.to_string());
        assert_eq!(git(store.store.dir(), &["rev-parse", &kept_as]).trim(), foreign.to_string());
    }
    assert_eq!(store.store.head(), Some(head));
    assert!(!git(store.dir.path(), &["ls-remote", store.store.dir().to_str().unwrap()]).contains("foreign"));
}

#[test]
fn a_deleted_ref_and_one_that_names_nothing_are_put_back() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let path = store.store.dir().join("refs/heads/main");
    std::fs::remove_file(&path).unwrap();
    let expected = ForeignWrite::Restored { found: None, kept_as: None };
    assert_eq!(store.store.adopt_or_restore(1, &mut pass).unwrap(), expected);
    let nothing = CommitId::from_bytes([0xab; 20]);
    std::fs::write(&path, format!("{nothing}\n")).unwrap();
    let restored = store.store.adopt_or_restore(2, &mut pass).unwrap();
    assert!(matches!(restored, ForeignWrite::Restored { found: Some(found), .. } if found == nothing));
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), head.commit.to_string());
}

#[test]
fn a_first_head_by_somebody_else_is_adopted_or_removed() {
    let store = TestStore::new();
    let work = store.dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "-q"]);
    commit_file(&work, "a", "1");
    send(&store, &work);
    set_ref(&store, &tip(&work).to_string());
    let mut gate = |_: Option<&HeadCommit>, _: &HeadCommit| false;
    assert!(matches!(store.store.adopt_or_restore(3, &mut gate).unwrap(), ForeignWrite::Restored { .. }));
    assert!(!store.store.dir().join("refs/heads/main").exists());
    set_ref(&store, &tip(&work).to_string());
    assert!(matches!(store.store.adopt_or_restore(4, &mut pass).unwrap(), ForeignWrite::Adopted(_)));
}

#[test]
fn nothing_lands_over_a_foreign_head() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    let theirs = commit_file(&clone, "b", "1");
    send(&store, &clone);
    set_ref(&store, &theirs.to_string());
    let landing = store.store.land_edits(Some(&head), &[crate::testing::put("a", "2")], &crate::testing::meta("m"));
    let crate::EditLanding::Landed { commit, .. } = landing.unwrap() else { panic!("nothing changed") };
    let error = store.store.move_head(Some(head.commit), commit, 1).unwrap_err();
    assert!(matches!(error, MoveHeadError::HeadMoved { actual, .. } if actual == Some(theirs)), "{error}");
    assert_eq!(store.store.head(), Some(head));
    let other = store.store.move_head(None, commit, 1).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    let back = store.store.move_head(Some(head.commit), head.commit, 1).unwrap_err();
    assert_eq!(back.kind(), ErrorKind::Invalid);
}
