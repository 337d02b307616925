use super::*;
use crate::{
    FolderLock,
    testing::{TestStore, git, try_git},
};

#[test]
fn only_what_is_old_enough_is_taken_for_abandoned() {
    let store = TestStore::new();
    let objects = store.store.objects_dir();
    let leftovers = ["tmp_objdir-incoming-x", "pack/tmp_pack_y"].map(|name| objects.join(name));
    fs::create_dir(&leftovers[0]).unwrap();
    fs::write(&leftovers[1], "").unwrap();
    clear_abandoned(&objects, Duration::from_secs(3_600)).unwrap();
    assert!(leftovers.iter().all(|path| path.exists()));
    clear_abandoned(&objects, Duration::ZERO).unwrap();
    assert!(!leftovers.iter().any(|path| path.exists()));
    store.land(&[("a", "1")]);
}

#[test]
fn what_killed_processes_left_is_removed_and_everything_else_stays() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let dir = store.store.dir();
    let leftovers = [
        "refs/heads/main.lock",
        "refs/configbus/foreign/7.lock",
        "HEAD.lock",
        "packed-refs.lock",
        "config.lock",
        "objects/pack/tmp_pack_AbC123",
        "objects/pack/tmp_idx_configbus_1_2",
        "objects/pack/pack_git2_0815",
        "objects/pack/multi-pack-index.lock",
        "objects/pack/pack-0123.pack",
        "objects/pack/pack-0123.keep",
        "objects/tmp_objdir-incoming-x1/pack/pack-1.pack",
        "objects/incoming-x2/aa/bb",
        "objects/info/commit-graphs/commit-graph-chain.lock",
        "objects/info/commit-graphs/tmp_graph_AbC123",
        "objects/ab/tmp_obj_q",
    ];
    for name in leftovers {
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::write(dir.join(name), "x").unwrap();
    }
    assert!(!try_git(dir, &["update-ref", "refs/heads/main", "HEAD~0"]).status.success());
    let lock = FolderLock::acquire(&store.dir.path().join("server.lock")).unwrap();
    let removed = store.store.clear_leftovers(&lock).unwrap();
    assert_eq!(removed.len(), leftovers.len(), "{removed:?}");
    for name in leftovers {
        assert!(!dir.join(name).exists(), "{name}");
    }
    assert_eq!(store.store.clear_leftovers(&lock).unwrap(), Vec::<PathBuf>::new());
    store.check_fsck();
    git(dir, &["update-ref", "refs/heads/main", "HEAD"]);
    store.land(&[("a", "2")]);
}
