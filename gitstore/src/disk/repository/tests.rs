use super::*;
use crate::{
    Store,
    testing::{git, try_git},
};

fn settings(push_bytes_max: u64) -> RepositorySettings {
    RepositorySettings { hooks_dir: Some("/srv/hooks".into()), push_bytes_max }
}

#[test]
fn a_new_repository_has_safe_settings_that_stock_git_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/down/main.git");
    Store::create(&path, &settings(1_000)).unwrap();
    let value = |key: &str| git(&path, &["config", "--get-all", key]);
    assert_eq!(value("core.bare"), "true\n");
    assert_eq!(value("core.fsync"), "all\n");
    assert_eq!(value("receive.maxInputSize"), "1000\n");
    assert_eq!(value("core.hooksPath"), "/srv/hooks\n");
    assert_eq!(value("receive.procReceiveRefs"), "refs/heads/main\nrefs/for/main\n");
    assert_eq!(git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/main\n");
    assert_eq!(git(&path, &["fsck"]), "");
}

#[test]
fn settings_are_applied_again_and_foreign_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.git");
    Store::create(&path, &settings(1_000)).unwrap();
    git(&path, &["config", "receive.fsckObjects", "false"]);
    git(&path, &["config", "uploadpack.keepAlive", "9"]);
    let before = fs::read(path.join("config")).unwrap();
    Store::open_or_create(&path, &settings(2_000)).unwrap();
    let value = |key: &str| git(&path, &["config", "--get-all", key]);
    assert_eq!(value("receive.maxInputSize"), "2000\n");
    assert_eq!((value("receive.fsckObjects"), value("uploadpack.keepAlive")), ("true\n".into(), "9\n".into()));
    assert_eq!(value("receive.procReceiveRefs"), "refs/heads/main\nrefs/for/main\n");
    assert_ne!(fs::read(path.join("config")).unwrap(), before);
}

#[test]
fn what_is_no_bare_repository_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    git(dir.path(), &["init", "-q", "work"]);
    for path in [dir.path().to_owned(), work, dir.path().join("absent")] {
        let error = Store::open(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is not a bare Git repository", path.display()));
    }
    let error = Store::create(dir.path(), &settings(1)).unwrap_err();
    assert!(matches!(error, OpenError::Exists { .. }), "{error}");
}

#[test]
fn other_branches_cannot_be_forced_or_deleted_and_own_refs_stay_hidden() {
    let store = crate::testing::TestStore::new();
    store.land(&[("a", "1")]);
    let clone = store.clone_to("clone");
    let url = store.store.dir().to_str().unwrap().to_owned();
    crate::testing::commit_file(&clone, "b", "1");
    git(&clone, &["push", "-q", &url, "HEAD:refs/heads/other"]);
    git(&clone, &["commit", "-q", "--amend", "-m", "changed"]);
    let refused = |refspec: &str| !try_git(&clone, &["push", "-q", &url, refspec]).status.success();
    assert!(refused("+HEAD:refs/heads/other"));
    assert!(refused(":refs/heads/other"));
    assert!(refused("HEAD:refs/configbus/foreign/1"));
}
