//! Everybody proves who they are: stock Git, REST, the command line, stores and agents.

use configbus_tests::{eventually::eventually, git::WorkingCopy, guarded::GuardedBus, rest::Rest};
use std::{fs, os::unix::fs::PermissionsExt as _};

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn stock_git_asks_for_a_token_and_pushes_with_it() {
    let bus = GuardedBus::start();
    let mode = fs::metadata(bus.data().join("admin.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bare = format!("{}/git/main.git", bus.url());
    let stranger = WorkingCopy::init(&bare);
    assert!(stranger.git(&["fetch", "origin"]).expect_refused().stderr.contains("terminal prompts disabled"));

    let writer = bus.token("ada@example.com", "writer");
    let clone = WorkingCopy::init(&bus.git_as(&writer));
    let pushed = clone.change("a.json", "1").expect_ok();
    assert!(pushed.remote_lines().contains("landed as r1"), "{}", pushed.stderr);

    // A credential helper is how people keep tokens.
    let helper = format!("credential.helper=!f() {{ echo username=ada; echo password={writer}; }}; f");
    let _ = stranger.git(&["-c", &helper, "pull", "origin", "main"]).expect_ok();
    let log = bus.run_as(&writer, &["log", "--output", "json"], b"").expect_ok().json();
    assert_eq!(log["commits"][0]["author"], "Ada <ada@example.com>", "a push keeps its commits");
    assert_eq!(log["commits"][0]["landed_by"], "ada@example.com");
    let reader = bus.token("bob", "reader");
    let clone = WorkingCopy::clone(&bus.git_as(&reader), &[]);
    let refused = clone.change("a.json", "2").expect_refused();
    assert!(refused.stderr.contains("403"), "{}", refused.stderr);
    assert_eq!(bus.run_as(&reader, &["get", "a.json"], b"").expect_ok().stdout, "1");
}

#[test]
fn rest_and_the_command_line_tell_strangers_from_those_who_may_not() {
    let bus = GuardedBus::start();
    let rest = Rest::new(&bus.url());
    let unknown = rest.put("/v1/files/a.json", &[], "1");
    assert_eq!((unknown.status, unknown.header("content-type")), (401, "application/problem+json"));
    assert!(unknown.header("www-authenticate").starts_with("Basic realm="), "{unknown:?}");
    assert_eq!(rest.get("/healthz", &[]).status, 200);
    assert_eq!(rest.get("/nothing/here", &[]).status, 401);

    let [reader, writer] = ["reader", "writer"].map(|role| bus.token(&format!("{role}@example.com"), role));
    let refused = rest.put("/v1/files/a.json", &[("Authorization", &bearer(&reader))], "1");
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("reader@example.com may not do this: it needs the role writer"), "{}", refused.body);
    assert_eq!(rest.put("/v1/files/a.json", &[("Authorization", &bearer(&writer))], "1").status, 201);

    assert_eq!(bus.run_as(&reader, &["put", "a.json"], b"2").code, 6);
    let stranger = configbus_tests::bus::Run::of(&["get", "a.json", "--server", &bus.url()], b"");
    assert!(stranger.code == 6 && stranger.stderr.contains("CONFIGBUS_TOKEN"), "{}", stranger.stderr);
    let log = bus.run_as(&reader, &["log", "--output", "json"], b"").expect_ok().json();
    assert_eq!(log["commits"][0]["author"], "writer@example.com <writer@example.com>");
}

#[test]
fn tokens_are_made_listed_and_revoked_and_a_restart_keeps_them() {
    let mut bus = GuardedBus::start();
    let admin = bus.admin();
    let create = ["token", "create", "ada", "--role", "writer", "--note", "laptop", "--output", "json"];
    let made = bus.run_as(&admin, &create, b"").expect_ok().json();
    let (token, id) = (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned());
    let _ = bus.run_as(&token, &["put", "a.json"], b"1").expect_ok();
    assert_eq!(bus.run_as(&token, &["token", "list"], b"").code, 6, "only an admin sees tokens");

    bus.kill_server();
    bus.start_server();
    assert_eq!(bus.run_as(&token, &["get", "a.json"], b"").expect_ok().stdout, "1");
    let listed = bus.run_as(&admin, &["token", "list"], b"").expect_ok().stdout;
    assert!(listed.contains(&id) && listed.contains("laptop") && !listed.contains(&token), "{listed}");

    // Beside the running server, by a hand on its data folder.
    let data = bus.data().display().to_string();
    let _ = bus.run_as(&admin, &["token", "revoke", &id, "--data", &data], b"").expect_ok();
    let refused = Rest::new(&bus.url()).get("/v1/log", &[("Authorization", &bearer(&token))]);
    assert!(refused.status == 401 && refused.body.contains("revoked"), "{refused:?}");
    assert_eq!(bus.run_as(&admin, &["token", "revoke", &id], b"").code, 5);
}

#[test]
fn no_token_travels_readable() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, configbus_model::Token::of([1; 5], [1; 32]).expose()).unwrap();
    let (file, url) = (file.to_str().unwrap(), "http://bus.invalid:7420");
    for refused in [
        &["status", "--server", url][..],
        &["store", "--check", "--data", "/nonexistent", "--server", url],
        &["agent", "--check", "--root", "/nonexistent", "--server", url],
        &["agent", "--check", "--root", "/nonexistent", "--store", url],
    ] {
        let run = configbus_tests::bus::Run::of(&[refused, &["--token-file", file]].concat(), b"");
        assert_eq!(run.code, 2, "{refused:?}: {}", run.stderr);
        let advice = "no access token is sent to http://bus.invalid:7420, because everybody on the way could read it";
        assert!(run.stderr.contains(advice) && run.stderr.contains("use https://"), "{refused:?}: {}", run.stderr);
    }
}

#[test]
fn a_watch_ends_with_its_token() {
    let bus = GuardedBus::start();
    let [watcher, reader] = ["watcher", "reader"].map(|name| bus.token(name, "reader"));
    let url = bus.url();
    let authorization = bearer(&watcher);
    let watch =
        std::thread::spawn(move || Rest::new(&url).get("/v1/watch", &[("Authorization", &authorization)]).status);
    let rest = Rest::new(&bus.url());
    eventually("the watch is open", || {
        let metrics = rest.get("/metrics", &[("Authorization", &bearer(&reader))]).body;
        metrics.contains("configbus_server_watchers 1").then_some(())
    });
    let data = bus.data().display().to_string();
    let _ = bus.run_as(&reader, &["token", "revoke", &watcher, "--data", &data], b"").expect_ok();
    eventually("the watch has ended", || watch.is_finished().then_some(()));
}

#[test]
fn changes_of_tokens_beside_a_server_are_in_its_log_wherever_that_is() {
    let (folder, mut bus) = (tempfile::TempDir::new().unwrap(), GuardedBus::start());
    let log = folder.path().join("audit.jsonl");
    bus.kill_server();
    bus.start_server_with(&[("CONFIGBUS_AUDIT_FILE", log.to_str().unwrap())]);
    let token = bus.token("beside", "reader");
    bus.kill_server();
    let data = bus.data().display().to_string();
    let _ = bus.run_as(&token, &["token", "revoke", &token, "--data", &data], b"").expect_ok();
    let log = fs::read_to_string(log).unwrap();
    for said in ["create beside the server", "revoke beside the server"] {
        assert!(
            log.lines().any(|line| line.contains(said) && line.contains("for beside with reader")),
            "{said}: {log}"
        );
    }
    let own = fs::read_to_string(bus.data().join("audit.jsonl")).unwrap_or_default();
    assert!(!own.contains("for beside with reader"), "{own}");
}

#[test]
fn what_was_done_is_written_down_and_no_token_is() {
    let bus = GuardedBus::start();
    let writer = bus.token("ada", "writer");
    let clone = WorkingCopy::init(&bus.git_as(&writer));
    let _ = clone.change("a.json", "{\"secret-content\": 1}").expect_ok();
    let _ = clone.change("b.yaml", "a: [secret-content").expect_refused();
    assert_eq!(bus.run_as(&writer, &["put", "c.json"], b"{").code, 4);
    let forged = "cbt_0000000000_".to_owned() + &writer[15..];
    assert_eq!(Rest::new(&bus.url()).get("/v1/log", &[("Authorization", &bearer(&forged))]).status, 401);
    let log = || fs::read_to_string(bus.data().join("audit.jsonl")).unwrap();
    eventually("the failed authentication is written down", || log().contains("\"authentication\"").then_some(()));

    let records: Vec<serde_json::Value> = log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |event: &str, outcome: &str, path: &str| {
        records.iter().find(|record| {
            record["event"] == event && record["outcome"] == outcome && (path.is_empty() || record["paths"][0] == path)
        })
    };
    let landed = find("write", "accepted", "a.json").unwrap();
    assert_eq!((landed["principal"].as_str(), landed["revision"].as_u64()), (Some("ada"), Some(1)));
    assert_eq!(landed["address"], "127.0.0.1");
    let refused = find("write", "refused", "b.yaml").unwrap();
    assert!(refused["reason"].as_str().unwrap().starts_with("rejected: b.yaml"), "{refused}");
    assert!(find("write", "refused", "c.json").is_some() && find("token", "accepted", "").is_some());
    for name in ["secret-content", &writer[16..], &forged[16..]] {
        assert!(!log().contains(name) && !bus.output("server").contains(name), "{name} leaked");
    }
}

#[test]
fn stores_and_agents_prove_who_they_are_to_each_other() {
    let mut bus = GuardedBus::start();
    let writer = bus.token("ada", "writer");
    let _ = bus.run_as(&writer, &["put", "a.json"], b"1").expect_ok();
    let [store, agent] = ["store", "agent"].map(|role| bus.token(role, role));
    bus.start_store(&store);
    bus.start_agent(&writer);
    eventually("the store refuses whoever is no agent", || {
        bus.output("agent").contains("has not the role").then_some(())
    });
    bus.end_last();
    bus.start_agent(&agent);
    bus.shows("a.json", "1");
    let _ = bus.run_as(&writer, &["put", "a.json"], b"2").expect_ok();
    bus.shows("a.json", "2");
    let hosts = bus.run_as(&writer, &["hosts", "--output", "json"], b"").expect_ok().json();
    assert_eq!(hosts["hosts"][0]["host"], "host-1");

    // The server is away: an agent that the store knows is served, from nothing.
    bus.kill_server();
    bus.end_last();
    fs::remove_dir_all(bus.current().parent().unwrap()).unwrap();
    bus.start_agent(&agent);
    bus.shows("a.json", "2");
}
