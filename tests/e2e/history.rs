//! Undo and the past, from a shell and over REST.

use configbus_tests::{
    bus::Bus,
    git::{WorkingCopy, git},
    rest::Rest,
};
use insta::assert_snapshot;
use std::{io::Write as _, process::Stdio};

#[test]
fn a_landing_is_undone_and_paths_become_what_they_were() {
    let bus = Bus::start();
    for (round, content) in ["{\"max\": 1}\n", "{\"max\": 2}\n", "{\"max\": 3}\n"].iter().enumerate() {
        let message = format!("round {round}");
        let _ = bus.run_with(&["put", "ads/limits.json", "-m", &message], content.as_bytes()).expect_ok();
    }
    assert_snapshot!(bus.run(&["revert", "r3", "--dry-run"]).expect_ok().stdout, @r"
    accepted: would be undone in r4
    M ads/limits.json
    ");
    assert_snapshot!(bus.run(&["revert", "r3"]).expect_ok().stdout, @r"
    landed: undone in r4
    M ads/limits.json
    ");
    assert_eq!(bus.run(&["get", "ads/limits.json"]).expect_ok().stdout, "{\"max\": 2}\n");
    let conflict = bus.run(&["revert", "r1"]);
    assert_eq!(conflict.code, 3);
    assert!(conflict.stderr.contains("ads/limits.json: by r4 "), "{}", conflict.stderr);
    let _ = bus.run(&["revert", "--to", "r1", "ads/", "-m", "back"]).expect_ok();
    assert_eq!(bus.run(&["get", "ads/limits.json"]).expect_ok().stdout, "{\"max\": 1}\n");
    assert_snapshot!(bus.run(&["revert", "--to", "r1", "/"]).expect_ok().stdout, @"unchanged: everything is so already, in r5");
    let log = bus.run(&["log", "ads", "--since", "r3", "--output", "json"]).expect_ok().json();
    let messages = log["commits"].as_array().unwrap().iter().map(|commit| commit["message"].as_str().unwrap());
    let subjects: Vec<&str> = messages.map(|message| message.lines().next().unwrap()).collect();
    assert_eq!(subjects, ["back", "Revert \"round 2\""]);
    let nothing = bus.run(&["revert", "latest"]);
    assert!(nothing.code == 1 || nothing.code == 2, "{}", nothing.code);
    assert!(nothing.stderr.contains("names no point in history"), "{}", nothing.stderr);
}

#[test]
fn lines_and_the_past_are_told_over_rest_and_in_a_shell() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    assert_eq!(rest.put("/v1/files/a.txt", &[], "one\ntwo\n").status, 201);
    let key = [("Idempotency-Key", "\"change-1\"")];
    let first = rest.put("/v1/files/a.txt", &key, "one\n2\n");
    let again = rest.put("/v1/files/a.txt", &key, "one\n2\n");
    assert_eq!((first.header("configbus-revision"), again.header("configbus-revision")), ("r2", "r2"));
    assert_eq!((first.json()["repeated"].as_bool(), again.json()["repeated"].as_bool()), (Some(false), Some(true)));
    assert_eq!(rest.put("/v1/files/a.txt", &key, "three\n").status, 400);

    let blame = rest.get("/v1/blame/a.txt?first_line=2", &[]).json();
    let commit = blame["commits"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!((blame["content"].as_str(), blame["commits"][0]["revision"].as_u64()), (Some("2\n"), Some(2)));
    let shown = bus.run(&["blame", "a.txt", "-L", "2"]).expect_ok().stdout;
    assert!(shown.starts_with("r2 ") && shown.contains(&commit[..8]) && shown.ends_with("2) 2\n"), "{shown}");

    let at = |point: &str| rest.get(&format!("/v1/files/a.txt?revision={point}"), &[]);
    assert_eq!(at(&commit).body, "one\n2\n");
    assert_eq!(at("2999-01-01T00:00:00Z").body, "one\n2\n");
    assert_eq!((at("2001-01-01").status, at("yesterday").status), (404, 400));
    let log = rest.get("/v1/log?path=a.txt&limit=1", &[]).json();
    let next = log["next_page_token"].as_str().unwrap();
    let rest_of_log = rest.get(&format!("/v1/log?path=a.txt&limit=1&page_token={next}"), &[]).json();
    assert_eq!(rest_of_log["commits"][0]["revision"].as_u64(), Some(1));

    let log = bus.run(&["log", "a.txt", "--since", "r1", "--output", "json"]).expect_ok().json();
    assert_eq!(log["commits"].as_array().unwrap().len(), 1);
    assert!(bus.run(&["diff", &commit, "--name-only"]).expect_ok().stdout.is_empty());
    assert_eq!(bus.run(&["get", "a.txt", "--revision", "r1"]).expect_ok().stdout, "one\ntwo\n");
    let nothing = bus.run(&["log", "--from", "latest"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    assert!(nothing.stderr.contains("names no point in history"), "{}", nothing.stderr);
}

#[test]
fn undo_over_rest_is_one_new_revision() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    assert_eq!(rest.put("/v1/files/a.txt", &[], "one\ntwo\n").status, 201);
    assert_eq!(rest.put("/v1/files/a.txt", &[], "one\n2\n").status, 200);
    let json = [("Content-Type", "application/json")];
    let body = serde_json::json!({ "restore": "r1", "paths": ["/"], "validate_only": true });
    let planned = rest.post("/v1/revert", &json, body.to_string());
    assert_eq!((planned.status, planned.json()["resulting_revision"].as_u64()), (200, Some(3)));
    let keyed = [json[0], ("Idempotency-Key", "\"undo-1\"")];
    let ago = rest.post("/v1/revert", &keyed, serde_json::json!({ "restore": "1s ago", "paths": ["/"] }).to_string());
    assert_eq!(ago.status, 400, "{}", ago.body);
    let undo = || rest.post("/v1/revert", &keyed, serde_json::json!({ "undo": 2 }).to_string());
    let undone = undo();
    assert_eq!((undone.status, undone.json()["changes"][0]["path"].as_str()), (201, Some("a.txt")));
    assert_eq!(rest.get("/v1/files/a.txt", &[]).body, "one\ntwo\n");
    let again = undo().json();
    assert_eq!((again["repeated"].as_bool(), again["resulting_revision"].as_u64()), (Some(true), Some(3)));
    assert_eq!(again["changes"], undone.json()["changes"]);
    assert_eq!(rest.post("/v1/revert", &json, "{}").status, 400);
}

#[test]
fn a_log_is_longer_than_what_a_server_answers_at_once() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let commits = (1..=1_005).map(|number| {
        format!("commit refs/heads/main\ncommitter Ada <ada@example.com> {number} +0000\ndata 2\nm\nM 644 inline a\ndata 5\n{number:05}\n")
    });
    let mut import = git(copy.path()).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(commits.collect::<String>().as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    let _ = copy.git(&["push", "--quiet", "origin", "main"]).expect_ok();
    let revisions = |args: &[&str]| -> Vec<u64> {
        let log = bus.run(&[&["log", "--output", "json"], args].concat()).expect_ok().json();
        log["commits"].as_array().unwrap().iter().map(|commit| commit["revision"].as_u64().unwrap()).collect()
    };
    assert_eq!(revisions(&["-n", "1003"]), (3..=1_005).rev().collect::<Vec<_>>());
    assert_eq!(revisions(&["-n", "5000", "--since", "r2"]), (3..=1_005).rev().collect::<Vec<_>>());
    assert_eq!(revisions(&["-n", "5000", "a"]).len(), 1_005);
}
