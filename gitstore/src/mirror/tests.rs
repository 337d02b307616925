use super::*;
use crate::testing::{TestStore, commit_file, delete, git, meta, path, put, send};
use configbus_model::Revision;
use std::os::unix::fs::PermissionsExt as _;

fn upstream(store: &TestStore) -> Upstream {
    let url = format!("file://{}", store.store.dir().display());
    Upstream { url, auth: FetchAuth::None, tls: FetchTls::default(), deadline: Duration::from_secs(60) }
}

fn mirror(store: &TestStore) -> Mirror {
    Mirror::open_or_create(&store.dir.path().join("mirror.git")).unwrap()
}

/// Follows by pack, as on the hot path.
fn follow(store: &TestStore, mirror: &Mirror) -> HeadCommit {
    let (from, to) = (mirror.store().head().unwrap(), store.head());
    let mut pack = Vec::new();
    store.store.pack_between(from.commit, to.commit, &mut pack).unwrap();
    mirror.index_pack(&mut &pack[..], 1 << 20).unwrap();
    mirror.verify_step(to.commit).unwrap();
    mirror.set_head(to.commit, Some(to.landed_ms)).unwrap()
}

fn filled(store: &TestStore) -> Mirror {
    let mirror = mirror(store);
    let head = mirror.fill(&upstream(store)).unwrap().unwrap();
    mirror.verify(head).unwrap();
    mirror.set_head(head, Some(store.head().landed_ms)).unwrap();
    mirror
}

#[test]
fn a_mirror_is_filled_by_fetch_and_follows_by_pack() {
    let store = TestStore::new();
    assert_eq!(mirror(&store).fill(&upstream(&store)).unwrap(), None);
    store.land(&[("a", "1"), ("dir/b", "1")]);
    let mirror = filled(&store);
    assert_eq!(mirror.store().head(), store.store.head());
    for edits in [vec![put("dir/b", "2")], vec![delete("a"), put("dir/c/d", "3")], vec![put("a/now/deep", "4")]] {
        store.land_edits(&edits);
        assert_eq!(Some(follow(&store, &mirror)), store.store.head());
    }
    mirror.verify(store.head().commit).unwrap();
    assert_eq!(git(mirror.store().dir(), &["fsck", "--full", "--strict"]), "");
    let reopened = Mirror::open_or_create(&mirror.dir).unwrap();
    assert_eq!(reopened.store().head(), store.store.head());
}

#[test]
fn a_merge_reaches_the_mirror_with_both_its_parents() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let mirror = filled(&store);
    let clone = store.clone_to("clone");
    let head = store.land(&[("a", "2")]);
    commit_file(&clone, "b", "1");
    let tip = commit_file(&clone, "b", "2");
    send(&store, &clone);
    let landing = store.store.land_push(Some(&head), tip, &meta("merge")).unwrap();
    let crate::PushLanding::Merged { commit, .. } = landing else { panic!("{landing:?}") };
    store.store.move_head(Some(head.commit), commit, 4).unwrap();
    let head = follow(&store, &mirror);
    assert_eq!((head.revision, head.landed_ms), (Revision(3), 4));
    assert_eq!(git(mirror.store().dir(), &["fsck", "--full", "--strict"]), "");
    assert_eq!(mirror.store().commit(tip).unwrap().subject(), "write b");
}

#[test]
fn packs_that_are_damaged_incomplete_or_too_large_are_refused_and_leave_nothing() {
    let store = TestStore::new();
    let first = store.land(&[("a", "1")]);
    let mirror = filled(&store);
    let second = store.land(&[("a", "2")]);
    let third = store.land(&[("dir/b", "2")]);
    let pack = |from: HeadCommit, to: HeadCommit| {
        let mut pack = Vec::new();
        store.store.pack_between(from.commit, to.commit, &mut pack).unwrap();
        pack
    };
    let whole = pack(first, third);
    let mut altered = whole.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 0x40;
    let gap = pack(second, third);
    for bad in [&altered[..], &whole[..whole.len() - 7], &gap[..], b"nonsense", b""] {
        assert!(mirror.index_pack(&mut &bad[..], 1 << 20).is_err(), "{} bytes were taken", bad.len());
    }
    let error = mirror.index_pack(&mut &whole[..], 10).unwrap_err();
    assert!(matches!(error, MirrorError::PackTooLarge { .. }), "{error}");
    let names = fs::read_dir(mirror.store().objects_dir().join("pack")).unwrap();
    let leftovers: Vec<_> = names
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| !name.to_string_lossy().starts_with("pack-"))
        .collect();
    assert_eq!(leftovers, Vec::<std::ffi::OsString>::new());
    assert_eq!(mirror.store().head().unwrap().commit, first.commit);
    assert_eq!(follow(&store, &mirror).commit, third.commit);
}

#[test]
fn a_mirror_is_forced_to_another_lineage() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    store.land(&[("a", "2")]);
    let mirror = filled(&store);
    let restored = TestStore::new();
    restored.land(&[("other", "1")]);
    let head = mirror.fill(&upstream(&restored)).unwrap().unwrap();
    mirror.verify(head).unwrap();
    let head = mirror.set_head(head, Some(9)).unwrap();
    assert_eq!((head.commit, head.revision), (restored.head().commit, Revision(1)));
    assert_eq!(mirror.store().head(), Some(head));
    assert_eq!(mirror.store().revision_of(store.head().commit), None);
}

#[test]
fn damage_is_found_and_a_rebuild_beside_replaces_the_mirror_under_its_readers() {
    let store = TestStore::new();
    let content: String = (0..2_000).map(|n| format!("{n} {}\n", n * 7919)).collect();
    store.land(&[("big", &content), ("dir/a", "1")]);
    let mirror = filled(&store);
    let reader = mirror.store();
    let commit = store.head().commit;
    let packs = fs::read_dir(reader.objects_dir().join("pack")).unwrap().map(|entry| entry.unwrap().path());
    for pack in packs.filter(|path| path.extension() == Some("idx".as_ref())) {
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(pack, "").unwrap();
    }
    reader.inner.handles.reopen();
    let error = mirror.verify(commit).unwrap_err();
    assert!(matches!(error, MirrorError::Damaged(_)), "{error}");
    let head = mirror.rebuild_beside(&upstream(&store)).unwrap().unwrap();
    assert_eq!((head.commit, head.revision), (commit, Revision(1)));
    mirror.verify(commit).unwrap();
    let (_, read) = reader.file(commit, &path("big")).unwrap().unwrap();
    assert_eq!(read.len(), content.len());
    let names: Vec<_> = fs::read_dir(store.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_fetch_that_takes_too_long_is_stopped_and_the_next_one_works() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let mirror = mirror(&store);
    // It takes connections and answers none, so that no fetch is done before anybody looks at the clock.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/main.git", silent.local_addr().unwrap());
    let hasty = Upstream { url, deadline: Duration::ZERO, ..upstream(&store) };
    for _ in 0..5 {
        let error = mirror.fill(&hasty).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(mirror.fill(&upstream(&store)).unwrap(), Some(store.head().commit));
}

#[test]
fn what_a_killed_predecessor_left_does_not_hinder_a_mirror() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let dir = mirror(&store).store().dir().to_owned();
    fs::create_dir_all(dir.join("refs/configbus")).unwrap();
    fs::write(dir.join("refs/configbus/fetched.lock"), "").unwrap();
    fs::create_dir(dir.with_file_name("mirror.git.rebuilding")).unwrap();
    assert_eq!(filled(&store).store().head().unwrap().commit, store.head().commit);
}

#[test]
fn a_folder_that_is_no_repository_is_refused_and_reset() {
    let store = TestStore::new();
    let dir = store.dir.path().join("mirror.git");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("notes"), "x").unwrap();
    let error = Mirror::open_or_create(&dir).unwrap_err();
    assert!(matches!(error, MirrorError::Open(OpenError::NotARepository { .. })), "{error}");
    let mirror = Mirror::reset(&dir).unwrap();
    assert_eq!(mirror.store().head(), None);
}

#[test]
fn an_upstream_that_cannot_be_reached_is_unavailable() {
    let store = TestStore::new();
    let nowhere = Upstream { url: format!("file://{}/nowhere", store.dir.path().display()), ..upstream(&store) };
    let error = mirror(&store).fill(&nowhere).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
