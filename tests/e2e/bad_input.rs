//! Each wrong input has a clear message and its own exit code.

use configbus_tests::{
    bus::{Bus, Run},
    cluster::{Cluster, Plan},
    eventually::eventually,
    git::{GitRun, WorkingCopy},
    rest::Rest,
};
use insta::assert_snapshot;
use std::fs;
use tempfile::TempDir;

/// Shows exit code and message of a command, without what differs from run to run.
fn said(run: &Run, variable: &[(&str, &str)]) -> String {
    let text = format!("{} {}", run.code, run.stderr.trim_end());
    variable.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

/// Shows what the server sent to Git, without commit ids.
fn remote(run: &GitRun) -> String {
    let is_id = |word: &str| matches!(word.len(), 12 | 40) && word.chars().all(|c| c.is_ascii_hexdigit());
    let plain = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_id(bare) { word.replace(bare, "ID") } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(plain).collect::<Vec<_>>().join(" ");
    let lines = run.remote_lines();
    lines.lines().filter(|line| !line.is_empty()).map(line).collect::<Vec<_>>().join("\n")
}

/// Shows the last line Git printed, which is its verdict.
fn verdict(run: &GitRun, variable: &[(&str, &str)]) -> String {
    let line = run.stderr.lines().rfind(|line| line.starts_with("fatal:") || line.contains('!')).unwrap_or_default();
    variable.iter().fold(line.trim().to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn what_is_not_there_is_named() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "ads/limits.json"], b"1").expect_ok();
    let variable = [(bus.server(), "URL")];
    assert_snapshot!(said(&bus.run(&["get", "ads/nothing.json"]), &variable), @"5 error: get failed (not_found): ads/nothing.json does not exist at r1");
    assert_snapshot!(said(&bus.run(&["get", "ads"]), &variable), @"5 error: get failed (not_found): ads is a directory: list it with /v1/list/ads or `configbus ls`");
    assert_snapshot!(said(&bus.run(&["rm", "ads/nothing.json"]), &variable), @"5 error: compare-and-set failed (not_found): ads/nothing.json does not exist");
    assert_snapshot!(said(&bus.run(&["ls", "nothing"]), &variable), @"5 error: list failed (not_found): nothing does not exist at r1");
    assert_snapshot!(said(&bus.run(&["get", "ads/limits.json", "--revision", "r99"]), &variable), @"5 error: get failed (not_found): r99 does not exist in main, the head is r1");
    assert_snapshot!(said(&bus.run(&["get", "ads/limits.json", "--revision", "latest"]), &variable), @r#"
    2 error: invalid value 'latest' for '--revision <POINT>': "latest" names no point in history, expected a revision (r42), a commit (its first 7 digits or more), or a time: 2026-02-28T14:02:00Z, 14:02 (the last one, in UTC) or 30m ago

    For more information, try '--help'.
    "#);
    assert_snapshot!(said(&bus.run(&["get", "../secrets"]), &variable), @r#"
    2 error: invalid value '../secrets' for '<PATH>': "../secrets" has the component "..", which is reserved

    For more information, try '--help'.
    "#);
    assert_snapshot!(said(&bus.run(&["diff", "r7", "r9"]), &variable), @"5 error: diff failed (not_found): r9 does not exist in main, the head is r1");
    assert_snapshot!(said(&bus.run(&["put", "a.json", "/nothing/here"]), &variable), @"5 error: cannot read /nothing/here: No such file or directory (os error 2)");
    assert_snapshot!(said(&Run::of(&["validate", "/nothing/here"], b""), &variable), @"5 error: /nothing/here is not a directory");
    assert_snapshot!(said(&Run::of(&["status", "--server", "http://127.0.0.1:9"], b""), &variable), @r"
    7 error: status failed: no server answers at http://127.0.0.1:9: Connection refused (os error 111)
    hint: `configbus up` starts a bus here; --server or CONFIGBUS_SERVER names another server
    ");
    assert_snapshot!(said(&Run::of(&["status", "--server", "bus.example:http"], b""), &variable), @r#"2 error: "bus.example:http" is not the URL of a server: its port is not a number from 1 to 65535"#);
}

#[test]
fn conflicts_and_rejections_say_what_to_do() {
    let bus = Bus::start();
    let _ = bus.run_with(&["put", "a.json"], b"1").expect_ok();
    let old = "0123456789012345678901234567890123456789";
    assert_snapshot!(said(&bus.run_with(&["put", "a.json", "--if-match", old], b"2"), &[]), @r"
    3 error: compare-and-set conflicts: a.json is not what was expected: its id is 56a6051ca2b02b04ef92d5150c9ef600403cb1de
      a.json: is now 56a6051ca2b02b04ef92d5150c9ef600403cb1de
    hint: read the path again, apply your change to what is there now, and retry
    ");
    assert_snapshot!(said(&bus.run_with(&["put", "a.json", "--if-absent"], b"2"), &[]), @r"
    3 error: compare-and-set conflicts: a.json is not what was expected: its id is 56a6051ca2b02b04ef92d5150c9ef600403cb1de
      a.json: is now 56a6051ca2b02b04ef92d5150c9ef600403cb1de
    hint: read the path again, apply your change to what is there now, and retry
    ");
    assert_snapshot!(said(&bus.run_with(&["put", "a.json"], b"{\"a\": }"), &[]), @r#"
    4 error: compare-and-set: refused by validation: 1 problem in 1 file
    a.json:1:7: unexpected character: found '}', expected a value [json/syntax]
      1 | {"a": }
        |       ^ /a
    1 problem in 1 file
    "#);
    assert_snapshot!(said(&bus.run_with(&["put", "a.json", "--if-match", "new"], b"2"), &[]), @r#"
    2 error: invalid value 'new' for '--if-match <ID>': "new" is not an object id, expected 40 hex digits

    For more information, try '--help'.
    "#);
    assert_snapshot!(said(&bus.run_with(&["put", "a.json/b.json"], b"2"), &[]), @"2 error: compare-and-set failed (invalid): a.json/b.json cannot be created, a.json is a file");
    let json = bus.run_with(&["put", "a.json", "--if-absent", "--output", "json"], b"2");
    assert_snapshot!(json.stderr, @r#"{"error":{"details":[{"place":"a.json","text":"is now 56a6051ca2b02b04ef92d5150c9ef600403cb1de"}],"exit_code":3,"hint":"read the path again, apply your change to what is there now, and retry","kind":"conflict","message":"compare-and-set conflicts: a.json is not what was expected: its id is 56a6051ca2b02b04ef92d5150c9ef600403cb1de","report":null}}"#);
}

#[test]
fn repositories_that_are_not_there_are_named() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    copy.write("a.json", "1");
    copy.commit("one");
    let variable = [(bus.server(), "URL")];
    let other = format!("{}/git/traffic.git", bus.server());
    assert_snapshot!(verdict(&copy.git(&["push", &other, "HEAD:main"]), &variable), @"fatal: repository 'URL/git/traffic.git/' not found");
    assert_eq!(Rest::new(bus.server()).get("/git/traffic.git/info/refs?service=git-upload-pack", &[]).status, 404);
}

#[test]
fn pushes_that_bring_nothing_or_go_elsewhere_are_answered() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let nothing = copy.push().expect_refused();
    assert!(nothing.stderr.contains("src refspec HEAD does not match any"), "{}", nothing.stderr);
    let _ = copy.change("a.json", "1").expect_ok();

    assert_snapshot!(remote(&copy.push()), @"already r1 on main");
    let branch = copy.git(&["push", "origin", "HEAD:refs/heads/topic"]).expect_ok();
    assert_snapshot!(remote(&branch), @"refs/heads/topic is stored but not distributed: hosts follow main");
    let tag = copy.git(&["push", "origin", "HEAD:refs/tags/v1"]).expect_ok();
    assert_snapshot!(remote(&tag), @"refs/tags/v1 is stored but not distributed: hosts follow main");
    let replaced = copy.git(&["push", "origin", "HEAD:refs/replace/x"]);
    assert_snapshot!(remote(&replaced.expect_refused()), @"refs/replace/x is not accepted here: push to main, to refs/for/main, or to another branch or tag, which are stored and not distributed");
    assert_eq!(bus.run(&["log", "--output", "json"]).expect_ok().json()["head"], 1);
}

#[test]
fn contents_and_names_of_all_kinds_arrive_unchanged() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let binary: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    copy.write("bin/data.bin", &binary);
    copy.write("with space/naïve – ünïcode 配置.json", "{\"ok\": true}");
    copy.write("empty.txt", "");
    let _ = copy.change("crlf.txt", "a\r\nb\r\n").expect_ok();
    let _ = bus.run(&["wait", "r1", "--timeout", "60s"]).expect_ok();
    assert_eq!(bus.read("bin/data.bin").unwrap(), binary);
    assert_eq!(bus.read("with space/naïve – ünïcode 配置.json").unwrap(), b"{\"ok\": true}");
    assert_eq!(bus.read("empty.txt").unwrap(), b"");
    assert_eq!(bus.read("crlf.txt").unwrap(), b"a\r\nb\r\n");
    let got = bus.run(&["get", "bin/data.bin", "--output", "json"]).expect_ok().json();
    assert!(got["content"].is_null() && got["content_base64"].is_string());
    let got = bus.run(&["get", "with space/naïve – ünïcode 配置.json"]).expect_ok();
    assert_eq!(got.stdout, "{\"ok\": true}");
}

#[test]
fn shapes_that_no_host_could_take_are_refused() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let _ = copy.change("a.json", "1").expect_ok();
    std::os::unix::fs::symlink("/etc/passwd", copy.path().join("link")).unwrap();
    copy.write("large.txt", vec![b'x'; (4 << 20) + 1]);
    copy.commit("neither link nor size");
    assert_snapshot!(remote(&copy.push().expect_refused()), @r"
    large.txt: file is too large for the bus, which copies every file to
    every host; split it, or keep the content in object storage and
    commit its address and checksum: found 4194305 bytes, expected at
    most 4194304 bytes (setting gate.file_size_bytes_max)
    [shape/file-size]
    link: is a symbolic link, which hosts do not deliver; commit the file it
    points to [shape/symlink]
    2 problems in 2 files
    ");

    let _ = copy.git(&["reset", "--quiet", "--hard", "HEAD~1"]).expect_ok();
    copy.write("Twin.json", "1");
    copy.write("twin.json", "2");
    copy.write(".configbus/rollout.yaml", "stages: []\n");
    copy.commit("neither twins nor a policy that would be ignored");
    assert_snapshot!(remote(&copy.push().expect_refused()), @r#"
    .configbus/rollout.yaml: this policy is not supported by this release;
    it is refused rather than ignored, so leave it out
    [policy/unsupported]
    twin.json: name differs from "Twin.json" only in case or Unicode
    composition; rename one of them [shape/twins]
    2 problems in 2 files
    "#);
}

#[test]
fn a_push_of_200_mb_is_refused_and_does_no_harm() {
    let bus = Bus::start();
    let copy = WorkingCopy::init(bus.git());
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..50 {
        let block: Vec<u8> = std::iter::repeat_with(|| random.u64(..).to_le_bytes()).take(1 << 19).flatten().collect();
        copy.write(&format!("{number}.bin"), block);
    }
    let _ = copy.git(&["config", "core.compression", "0"]).expect_ok();
    copy.commit("200 MB");
    let pushed = copy.push().expect_refused();
    assert_snapshot!(remote(&pushed), @r"
    configbus: the pack of this push is too large; push fewer commits at a time, or
    keep large files elsewhere and commit their address and checksum:
    found more than 134217728 bytes,
    expected at most 134217728 bytes (setting limits.push_bytes_max)
    fatal: pack exceeds maximum allowed size (128.00 MiB)
    ");
    let _ = bus.run_with(&["put", "a.json"], b"1").expect_ok();
    bus.shows("a.json", "1");
}

#[test]
fn an_agent_with_a_wrong_store_says_so_and_goes_on() {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.agent.start();
    let rest = Rest::new(cluster.agent.url());
    let error = eventually("the agent names what is wrong", || {
        let status = rest.is_ok("/healthz").then(|| rest.get("/status", &[]).json())?;
        Some(status["store"]["last_error"].as_str()?.to_owned())
    });
    assert!(error.contains("connect") || error.contains("refused"), "{error}");
    assert_eq!(rest.get("/readyz", &[]).status, 503);
    assert!(cluster.agent.process().ended().is_none());
    let folder = TempDir::new().unwrap();
    let root = folder.path().to_str().unwrap();
    let wrong = Run::of(&["agent", "--root", root, "--store", "store-1:7421", "--listen", "127.0.0.1:0"], b"");
    assert_snapshot!(said(&wrong, &[]), @r#"2 error: stores = "store-1:7421", expected a URL such as https://bus.example:7421"#);
}

#[test]
fn a_second_agent_on_one_root_refuses() {
    let mut cluster = Cluster::plan(&Plan::default());
    cluster.agent.start();
    let rest = Rest::new(cluster.agent.url());
    eventually("the first agent runs", || rest.is_ok("/healthz").then_some(()));
    let root = cluster.root().to_str().unwrap();
    let second = Run::of(&["agent", "--root", root, "--store", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"], b"");
    let pid = cluster.agent.process().pid().to_string();
    assert_snapshot!(said(&second, &[(cluster.root().to_str().unwrap(), "ROOT"), (&pid, "PID")]), @r#"7 error: "ROOT" belongs to another agent that is running (it holds agent.lock); give each agent its own root"#);
}

#[test]
fn settings_name_the_key_and_where_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("server.toml");
    let path = file.to_str().unwrap();
    let variable = [(path, "FILE")];
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        said(&Run::of(&["server", "--config", path, "--check"], b""), &variable)
    };
    assert_snapshot!(check("lisen = \"127.0.0.1:1\"\n"), @r#"2 error: settings file FILE has the unknown key "lisen", did you mean "listen"?"#);
    assert_snapshot!(check("[limits]\npush_bytes = 1\n"), @r#"2 error: settings file FILE has the unknown key "limits.push_bytes", did you mean "limits.push_bytes_max"?"#);
    assert_snapshot!(check("listen = 7420\n"), @r"
    2 error: settings file FILE is wrong: TOML parse error at line 1, column 10
      |
    1 | listen = 7420
      |          ^^^^
    invalid type: integer `7420`, expected socket address
    ");
    assert_snapshot!(check("listen = \"0.0.0.0:7420\"\n"), @r#"2 error: listen = "0.0.0.0:7420" is beyond loopback: set auth = "tokens" so that callers prove who they are, auth = "none" to let everybody who reaches it read and write, or listen on 127.0.0.1"#);
    assert_snapshot!(check("[zookeeper]\nconnect = \"zk:x\"\n"), @r#"2 error: settings under zookeeper are wrong: connect names the server "zk:x", expected HOST or HOST:PORT"#);
    assert_snapshot!(check("[gate.yaml]\ndocuments_max = 20000\n"), @"2 error: settings file FILE is wrong: gate.yaml.documents_max = 20000, expected 1 to 10000");
    assert_snapshot!(check("[limits]\nwatchers_max = 0\n"), @"2 error: settings file FILE is wrong: limits.watchers_max = 0, expected 1 to 1000000");
    let open = Run::of(&["up", "--listen", "0.0.0.0:7420"], b"");
    assert_snapshot!(said(&open, &[]), @r"
    2 error: --listen 0.0.0.0:7420 is not a loopback address, and `up` has no authentication
    hint: run `configbus server`, `store` and `agent` for a network
    ");
    let missing = Run::of(&["store", "--config", "/nothing/store.toml"], b"");
    assert_snapshot!(said(&missing, &[]), @"2 error: failed to read settings file /nothing/store.toml: No such file or directory (os error 2)");
}

#[test]
fn a_working_copy_is_held_to_the_limits_of_a_server_on_request() {
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("server.toml");
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("a.yaml"), "--- 1\n--- 2\n").unwrap();
    let (copy, config) = (copy.to_str().unwrap(), settings.to_str().unwrap());
    let _ = Run::of(&["validate", copy], b"").expect_ok();
    let validate = |text: &str| {
        fs::write(&settings, text).unwrap();
        let run = Run::of(&["validate", copy, "--config", config], b"");
        format!("{} {}{}", run.code, run.stdout, run.stderr.replace(config, "FILE"))
    };
    // What else is in the file is for others.
    let refused = validate("principal_variable = 'GL_USER'\n[gate.yaml]\ndocuments_max = 1\n");
    assert_snapshot!(refused, @r"
    4 a.yaml:2:1: file holds too many documents; split it: found 2 documents up to here, expected at most 1 documents (setting gate.yaml.documents_max) [yaml/size]
      2 | --- 2
        | ^
    1 problem in 1 file
    ");
    let wide = validate("[gate]\npath_depth_max = 33\n");
    assert_snapshot!(wide, @"2 error: settings file FILE is wrong: gate.path_depth_max = 33, expected 1 to 32");
    let unknown = validate("[gate]\npath_depth = 3\n");
    assert!(
        unknown.starts_with("2 error: settings file FILE is wrong") && unknown.contains("`path_depth`"),
        "{unknown}"
    );
}
