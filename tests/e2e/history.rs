//! The past, from a shell and over REST.

use configbus_tests::{bus::Bus, rest::Rest};

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
