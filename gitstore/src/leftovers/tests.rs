use super::*;
use crate::testing::{TestStore, git, try_git};

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
