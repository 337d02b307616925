//! The API from a shell: what scripts and people type.

use configbus_tests::{
    binary::configbus,
    bus::{Bus, Run},
    child::Child,
    eventually::eventually,
};
use insta::assert_snapshot;
use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};
use tempfile::TempDir;

#[test]
fn files_are_read_listed_compared_and_removed() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "ads/limits.json", "-m", "first"], b"{\"max\": 1}\n").expect_ok();
    let _ = bus.run_with(&["put", "ads/limits.json", "-m", "second"], b"{\"max\": 2}\n").expect_ok();
    let _ = bus.run_with(&["put", "web/run.sh", "--executable"], b"#!/bin/sh\n").expect_ok();
    assert_eq!(bus.run(&["get", "ads/limits.json"]).expect_ok().stdout, "{\"max\": 2}\n");
    assert_eq!(bus.run(&["get", "ads/limits.json", "--revision", "r1"]).expect_ok().stdout, "{\"max\": 1}\n");
    assert_snapshot!(bus.run(&["ls"]).expect_ok().stdout, @r"
    ads/
    web/
    ");
    assert_snapshot!(bus.run(&["ls", "--recursive"]).expect_ok().stdout, @r"
    ads/limits.json
    web/run.sh
    ");
    assert_snapshot!(bus.run(&["diff", "r1", "r2"]).expect_ok().stdout, @r#"
    diff --git a/ads/limits.json b/ads/limits.json
    index 3fc4583..85890a0 100644
    --- a/ads/limits.json
    +++ b/ads/limits.json
    @@ -1 +1 @@
    -{"max": 1}
    +{"max": 2}
    "#);
    assert_snapshot!(bus.run(&["diff", "r1", "--name-only"]).expect_ok().stdout, @r"
    M ads/limits.json
    A web/run.sh
    ");
    let log = bus.run(&["log", "ads", "--output", "json"]).expect_ok().json();
    let messages: Vec<_> = log["commits"].as_array().unwrap().iter().map(|commit| &commit["message"]).collect();
    assert_eq!(messages.len(), 2, "{log}");
    assert!(messages[0].as_str().unwrap().starts_with("second"), "{log}");

    assert_snapshot!(bus.run_with(&["put", "ads/limits.json"], b"{\"max\": 2}\n").expect_ok().stdout, @"unchanged: ads/limits.json has this content already, in r3");
    assert_snapshot!(bus.run_with(&["put", "ads/limits.json", "--dry-run"], b"{\"max\": 3}\n").expect_ok().stdout, @"accepted: ads/limits.json would land on r3");
    assert_snapshot!(bus.run(&["rm", "ads/limits.json"]).expect_ok().stdout, @"deleted: ads/limits.json is gone since r4");
    assert_eq!(bus.run(&["get", "ads/limits.json"]).code, 5);
    let _ = bus.run(&["wait", "r4", "--timeout", "60s"]).expect_ok();
    let script = fs::metadata(bus.current().join("web/run.sh")).unwrap();
    assert_eq!(script.permissions().mode() & 0o111, 0o111, "it is executable on the host");
}

#[test]
fn changes_are_printed_as_they_happen() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "other.json"], b"0").expect_ok();
    let mut command = Command::new(configbus());
    command.args(["watch", "ads/", "--output", "json", "--from", "r1", "--server", bus.server()]);
    let watch = Child::spawn("configbus watch", &mut command, &bus.data().join("watch.log")).unwrap();
    let _ = bus.run_with(&["put", "ads/a.json"], b"1").expect_ok();
    let _ = bus.run_with(&["put", "other.json"], b"1").expect_ok();
    let _ = bus.run(&["rm", "ads/a.json"]).expect_ok();
    let lines = eventually("both changes are printed", || {
        let output = watch.output();
        (output.lines().count() >= 2).then(|| output.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
    });
    let changes: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = |change: &serde_json::Value| format!("r{} {}", change["revision"], change["changes"][0]["kind"]);
    assert_eq!(changes.iter().map(shown).collect::<Vec<_>>(), ["r2 \"added\"", "r4 \"deleted\""]);
}

#[test]
fn an_edit_never_overwrites_what_somebody_else_changed_meanwhile() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "a.json"], b"{\"n\": 1}\n").expect_ok();
    let edit = |script: &str| {
        let folder = TempDir::new().unwrap();
        let editor = folder.path().join("editor");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(configbus());
        command.args(["edit", "a.json", "--server", bus.server()]).env("EDITOR", &editor).env_remove("VISUAL");
        command.output().unwrap()
    };
    assert!(edit("sed -i s/1/2/ \"$1\"").status.success());
    assert_eq!(bus.run(&["get", "a.json"]).stdout, "{\"n\": 2}\n");

    let meanwhile = format!("{} put a.json --server {} <<E\n{{\"n\": 7}}\nE", configbus().display(), bus.server());
    let conflict = edit(&format!("{meanwhile}\nsed -i s/2/3/ \"$1\""));
    assert_eq!(conflict.status.code(), Some(3));
    let said = String::from_utf8_lossy(&conflict.stderr).into_owned();
    let kept = said.rsplit("your version is kept in ").next().unwrap().trim();
    assert_eq!(fs::read_to_string(kept).unwrap(), "{\"n\": 3}\n");
    fs::remove_dir_all(std::path::Path::new(kept).parent().unwrap()).unwrap();
    assert_eq!(bus.run(&["get", "a.json"]).stdout, "{\"n\": 7}\n");
    assert!(edit("true").status.success(), "nothing was changed");
}

#[test]
fn a_working_copy_is_judged_without_a_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    fs::write(folder.path().join("good.yaml"), "a: 1\n").unwrap();
    assert_eq!(Run::of(&["validate", path], b"").expect_ok().stdout, "1 file checked, no problem\n");
    fs::write(folder.path().join("bad.toml"), "a = 1\na = 2\n").unwrap();
    let refused = Run::of(&["validate", path], b"");
    assert_eq!(refused.code, 4);
    assert!(refused.stdout.contains("bad.toml:2:1"), "{}", refused.stdout);
    let json = Run::of(&["validate", path, "--output", "json"], b"");
    assert_eq!((json.code, &json.json()["accepted"]), (4, &serde_json::json!(false)));
    let sarif = Run::of(&["validate", path, "--format", "sarif"], b"");
    assert_eq!((sarif.code, &sarif.json()["version"]), (4, &serde_json::json!("2.1.0")));
    let text = Run::of(&["validate", path, "--format", "text"], b"");
    assert_eq!((text.code, text.stdout), (4, refused.stdout));
}

#[test]
fn the_api_tells_what_validation_tells() {
    let bus = Bus::start();
    let content = b"{\n  \"a\": 1,\n  \"a\": 2\n}\n";
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("ads")).unwrap();
    fs::write(folder.path().join("ads/limits.json"), content).unwrap();
    let validated = Run::of(&["validate", folder.path().to_str().unwrap()], b"");
    let refused = bus.run_with(&["put", "ads/limits.json"], content);
    assert_eq!((validated.code, refused.code), (4, 4));
    assert_snapshot!(refused.stderr, @r#"
    error: compare-and-set: refused by validation: 1 problem in 1 file
    ads/limits.json:3:3: key "a" is there twice, first at line 2, column 3; readers would see only one of them [json/duplicate-key]
      3 |   "a": 2
        |   ^ /a
    1 problem in 1 file
    "#);
    assert!(refused.stderr.ends_with(&validated.stdout), "{}{}", refused.stderr, validated.stdout);
    let problem = configbus_tests::rest::Rest::new(bus.server()).put("/v1/files/ads/limits.json", &[], content);
    let json = Run::of(&["validate", folder.path().to_str().unwrap(), "--format", "json"], b"").json();
    assert_eq!((problem.status, &problem.json()["report"]), (422, &json));
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Run::of(&["completion", shell], b"").expect_ok().stdout;
        for command in ["validate", "watch", "status"] {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
}
