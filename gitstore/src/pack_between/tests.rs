use super::*;
use crate::testing::{TestStore, commit_file, meta, send};
use configbus_model::CommitId;

#[test]
fn only_landed_commits_in_order_and_not_too_many_are_packed() {
    let store = TestStore::new();
    let first = store.land(&[("a", "1")]);
    let second = store.land(&[("a", "2")]);
    let pack = |from, to| store.store.pack_between(from, to, &mut Vec::new());
    pack(first.commit, second.commit).unwrap();
    assert!(matches!(pack(second.commit, first.commit), Err(PackError::NotAncestor { .. })));
    assert!(matches!(pack(CommitId::from_bytes([1; 20]), second.commit), Err(PackError::NotAncestor { .. })));
    let clone = store.clone_to("clone");
    let unlanded = commit_file(&clone, "b", "1");
    send(&store, &clone);
    assert!(matches!(pack(first.commit, unlanded), Err(PackError::NotAncestor { .. })));
    for number in 0..COMMITS_MAX {
        commit_file(&clone, "b", &number.to_string());
    }
    let tip = send(&store, &clone);
    store.store.land_push(Some(&second), tip, &meta("push")).unwrap();
    store.store.move_head(Some(second.commit), tip, 1).unwrap();
    let error = pack(second.commit, tip).unwrap_err();
    assert!(matches!(error, PackError::TooFar { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_receiver_that_goes_away_is_an_error_of_the_receiver() {
    struct Gone;
    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let store = TestStore::new();
    let (first, second) = (store.land(&[("a", "1")]), store.land(&[("a", "2")]));
    let error = store.store.pack_between(first.commit, second.commit, &mut Gone).unwrap_err();
    assert!(matches!(error, PackError::Write(_)));
}
