//! Namespaces through the real binary.

use configbus_tests::{bus::Bus, git::git};
use insta::assert_snapshot;
use std::fs;
use tempfile::TempDir;

#[test]
fn a_namespace_is_made_pushed_to_written_by_path_kept_over_a_restart_and_deleted() {
    let mut bus = Bus::start();
    let _ = bus.run_with(&["put", "a.json"], b"1\n").expect_ok();
    assert_snapshot!(bus.run(&["namespace", "create", "traffic"]).expect_ok().stdout, @"created: traffic is at traffic/; clone it from /git/traffic.git");
    let folder = TempDir::new().unwrap();
    let clone = folder.path().join("clone");
    let url = bus.git().replace("/main.git", "/traffic.git");
    assert!(git(folder.path()).args(["clone", "-q", &url]).arg(&clone).status().unwrap().success());
    fs::write(clone.join("limits.json"), "{\"max\": 1}\n").unwrap();
    for arguments in [&["add", "-A"][..], &["commit", "-q", "-m", "limits"], &["push", "-q", "origin", "HEAD:main"]] {
        let output = git(&clone).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(bus.run(&["get", "traffic/limits.json"]).expect_ok().stdout, "{\"max\": 1}\n");
    assert_snapshot!(bus.run_with(&["put", "traffic/limits.json"], b"{\"max\": 2}\n").expect_ok().stdout, @"landed: traffic/limits.json is in r2 of traffic");
    assert_snapshot!(bus.run(&["ls", "--recursive"]).expect_ok().stdout, @r"
    .configbus/mounts.json
    a.json
    traffic/limits.json
    ");
    assert_snapshot!(bus.run(&["diff", "--name-only", "--path", "traffic/limits.json"]).expect_ok().stdout, @"M traffic/limits.json");
    let log = bus.run(&["log", "traffic", "--output", "json"]).expect_ok().json();
    assert_eq!((log["namespace"].as_str(), log["commits"].as_array().unwrap().len()), (Some("traffic"), 2));
    let _ = bus.process().interrupt();
    bus.restart();
    assert_eq!(bus.run(&["get", "traffic/limits.json"]).expect_ok().stdout, "{\"max\": 2}\n");
    let listed = bus.run(&["namespace", "list", "--output", "json"]).expect_ok().json();
    let row = |index: usize| {
        let namespace = &listed["namespaces"][index];
        (namespace["name"].clone(), namespace["mount"].clone(), namespace["revision"].clone())
    };
    assert_eq!(row(0), ("main".into(), "".into(), 2.into()));
    assert_eq!(row(1), ("traffic".into(), "traffic".into(), 2.into()));
    let unasked = bus.run(&["namespace", "delete", "traffic"]);
    assert!(unasked.code == 2 || unasked.code == 1, "{unasked:?}");
    let deleted = bus.run(&["namespace", "delete", "traffic", "--yes", "--output", "json"]).expect_ok().json();
    assert!(fs::metadata(deleted["kept_at"].as_str().unwrap()).unwrap().is_dir());
    assert_eq!(bus.run(&["get", "traffic/limits.json"]).code, 5);
    assert_snapshot!(bus.run(&["ls"]).expect_ok().stdout, @r"
    .configbus/
    a.json
    ");
}

#[test]
fn what_namespaces_do_not_take_is_refused_with_what_to_do() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "ads/a.json"], b"1\n").expect_ok();
    let refused = bus.run(&["namespace", "create", "ads"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("configbus namespace split ads"), "{}", refused.stderr);
    let _ = bus.run(&["namespace", "create", "traffic"]).expect_ok();
    let edited = bus.run_with(&["put", ".configbus/mounts.json"], b"{\"version\":1,\"mounts\":[]}\n");
    assert_eq!(edited.code, 4, "{edited:?}");
    assert!(edited.stderr.contains("mounts/reserved"), "{}", edited.stderr);
    assert_eq!(bus.run(&["namespace", "delete", "nowhere", "--yes"]).code, 5);
}
