//! What is met before there is a change to look at: packs, bodies, requests; each just inside its limit and just outside.

use crate::harness::{Clone, TestServer, edit, put, request};
use configbus_hooks::{Context, Gate, GateSettings, Mounts};
use configbus_model::{Namespace, Principal};
use configbus_proto::v1;
use configbus_server::Limits;
use prost::Message as _;
use std::fmt::Write as _;
use tonic::{Code, Status};

async fn with(limits: Limits) -> TestServer {
    TestServer::start_with(|settings| settings.limits = limits).await
}

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let _ = write!(text, "{state:016x}");
    }
    text.truncate(bytes);
    text
}

fn check_told(text: &str, found: &str, limit: &str, key: &str) {
    let told = format!("found {found}, expected at most {limit} (setting {key})");
    assert!(text.contains(&told), "{told:?} is not in {text}");
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    status.message().to_owned()
}

/// Status and detail of a write over REST.
fn write(server: &TestServer, method: &str, path: &str, body: &[u8]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}{path}", server.url);
    let mut response = match method {
        "PUT" => agent.put(url).send(body).unwrap(),
        _ => agent.post(url).header("content-type", "application/json").send(body).unwrap(),
    };
    let text = response.body_mut().read_to_string().unwrap();
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    (response.status().as_u16(), body["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_over_its_limit_is_told_to_the_pusher() {
    let max = 30_000;
    let server = with(Limits { push_bytes_max: max, ..Limits::default() }).await;
    let clone = server.clone_main("ada");
    clone.commit("small.txt", &noise(10_000));
    clone.push_main().expect_ok();
    // The second is more than Git sends in one piece.
    for bytes in [100_000, 3_000_000] {
        clone.commit("large.txt", &noise(bytes));
        let pushed = clone.push_main();
        check_told(&pushed.unbroken(), "more than 30000 bytes", "30000 bytes", "limits.push_bytes_max");
        pushed.expect_refused("configbus: the pack of this push is too large; push fewer commits at a time");
        clone.git(&["reset", "-q", "--hard", "HEAD~1"]).expect_ok();
    }
    clone.commit("small.txt", &noise(9_000));
    clone.push_main().expect_ok();
    let folder = server.stop().await;
    let audit = std::fs::read_to_string(folder.path().join("data/audit.jsonl")).unwrap();
    let refused = audit.lines().filter(|line| line.contains("\"refused\"") && line.contains("more than 30000 bytes"));
    assert_eq!(refused.count(), 2, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn references_of_a_push_are_bounded() {
    let server = with(Limits { push_references_max: 2, ..Limits::default() }).await;
    let clone = server.clone_main("ada");
    clone.commit("a.txt", "1");
    let push = |names: &[&str]| {
        let references: Vec<_> = names.iter().map(|name| format!("HEAD:refs/heads/{name}")).collect();
        let references = references.iter().map(String::as_str);
        clone.git(&["push", "origin"].into_iter().chain(references).collect::<Vec<_>>())
    };
    push(&["main", "b"]).expect_ok();
    clone.commit("a.txt", "2");
    let pushed = push(&["main", "c", "d"]);
    check_told(&pushed.unbroken(), "3 references", "2 references", "limits.push_references_max");
    assert!(!pushed.ok);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_over_both_protocols() {
    for max in [2_000, 5_000] {
        let server = with(Limits { body_bytes_max: max, ..Limits::default() }).await;
        let limit = format!("{max} bytes");
        assert_eq!(write(&server, "PUT", "/v1/files/a.txt", &vec![b'x'; max]).0, 201);
        let (status, detail) = write(&server, "PUT", "/v1/files/b.txt", &vec![b'x'; max + 1]);
        assert_eq!(status, 413, "{detail}");
        check_told(&detail, &format!("{} bytes", max + 1), &limit, "limits.body_bytes_max");
        let commit = |bytes: usize| {
            let frame = r#"{"edits": [{"path": "c.txt", "expected": "any", "content": ""}]}"#.len();
            let content = "x".repeat(bytes - frame);
            format!(r#"{{"edits": [{{"path": "c.txt", "expected": "any", "content": "{content}"}}]}}"#)
        };
        assert_eq!(write(&server, "POST", "/v1/commits", commit(max).as_bytes()).0, 201);
        let (status, detail) = write(&server, "POST", "/v1/commits", commit(max + 1).as_bytes());
        assert_eq!(status, 413, "{detail}");
        check_told(&detail, &format!("{} bytes", max + 1), &limit, "limits.body_bytes_max");
        let message = |bytes: usize| {
            let framed = |length: usize| request([put("d.txt", &"x".repeat(length))]);
            let frame = framed(1_000).encoded_len() - 1_000;
            let request = framed(bytes - frame);
            assert_eq!(request.encoded_len(), bytes);
            request
        };
        server.config().await.compare_and_set(message(max)).await.unwrap();
        let text = refused(server.config().await.compare_and_set(message(max + 1)).await);
        check_told(&text, &format!("{} bytes", max + 1), &limit, "limits.body_bytes_max");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_names_is_bounded() {
    let limits = Limits {
        edits_max: 2,
        message_bytes_max: 5,
        watch_paths_max: 2,
        // What two changes of short paths take.
        diff_bytes_max: 330,
        ..Limits::default()
    };
    let server = with(limits).await;
    let edits = |count: usize| request((0..count).map(|at| put(&format!("{at}.txt"), "x")));
    server.config().await.compare_and_set(edits(2)).await.unwrap();
    let text = refused(server.config().await.compare_and_set(edits(3)).await);
    check_told(&text, "3 edits", "2 edits", "limits.edits_max");

    let message = |text: &str| v1::CompareAndSetRequest { message: text.into(), ..edits(1) };
    server.config().await.compare_and_set(message("12345")).await.unwrap();
    let text = refused(server.config().await.compare_and_set(message("123456")).await);
    check_told(&text, "6 bytes", "5 bytes", "limits.message_bytes_max");

    let watch = |count: usize| v1::WatchRequest {
        paths: (0..count).map(|at| format!("{at}.txt")).collect(),
        ..v1::WatchRequest::default()
    };
    server.config().await.watch(watch(2)).await.unwrap();
    let text = refused(server.config().await.watch(watch(3)).await);
    check_told(&text, "3 paths", "2 paths", "limits.watch_paths_max");

    let diff = v1::DiffRequest::default();
    assert_eq!(server.config().await.diff(diff.clone()).await.unwrap().into_inner().changes.len(), 2);
    server.put("2.txt", "x").await;
    let text = refused(server.config().await.diff(diff).await);
    check_told(&text, "about 495 bytes", "330 bytes", "limits.diff_bytes_max");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_at_once_are_bounded() {
    let server = with(Limits { watchers_max: 1, ..Limits::default() }).await;
    server.put("a.txt", "x").await;
    let first = server.config().await.watch(v1::WatchRequest::default()).await.unwrap();
    let status = server.config().await.watch(v1::WatchRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    check_told(status.message(), "1 watches", "1 watches", "limits.watchers_max");
    drop(first);
    server.stop().await;
}

/// Says what is wrong with one file, over every way into the bus.
async fn told(server: &TestServer, clone: &Clone, gate: &GateSettings, path: &str, content: &str) -> [String; 4] {
    clone.commit(path, content);
    let pushed = clone.push_main();
    assert!(!pushed.ok, "{}", pushed.stderr);
    let status = server.config().await.compare_and_set(request([put(path, content)])).await.unwrap_err();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.put(format!("{}/v1/files/{path}", server.url)).send(content).unwrap();
    let problem = response.body_mut().read_to_string().unwrap();
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    let validated = Gate::new(gate.clone()).unwrap().check_working_copy(&clone.path, &context, &mut |_| {}).unwrap();
    clone.git(&["reset", "-q", "--hard", "HEAD~1"]).expect_ok();
    let details = String::from_utf8_lossy(status.details()).into_owned();
    [pushed.unbroken(), details, problem, validated.to_json().to_string()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_told_in_the_same_words_over_every_way_in() {
    let mut gate = GateSettings { file_size_bytes_max: 100, path_depth_max: 3, ..GateSettings::default() };
    gate.document_depth_max = 4;
    gate.yaml.documents_max = 2;
    let server = TestServer::start_with(|settings| settings.gate = gate.clone()).await;
    let clone = server.clone_main("ada");
    clone.commit("seed.txt", "1");
    clone.push_main().expect_ok();
    for (path, content, rule, words) in [
        ("a.txt", "x".repeat(101), "shape/file-size", "at most 100 bytes (setting gate.file_size_bytes_max)"),
        ("a/b/c/d.txt", String::new(), "shape/depth", "at most 3 components (setting gate.path_depth_max)"),
        ("a.json", "[[[[[]]]]]".into(), "json/depth", "at most 4 levels (setting gate.document_depth_max)"),
        ("a.yaml", "--- 1\n".repeat(3), "yaml/size", "at most 2 documents (setting gate.yaml.documents_max)"),
    ] {
        for said in told(&server, &clone, &gate, path, &content).await {
            let said = said.replace("\\\"", "\"");
            assert!(said.contains(words) && said.contains(rule), "{rule} {words:?} is not in {said}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_cannot_be_proposed_is_refused_in_the_words_of_a_report() {
    let server = TestServer::start_with(|settings| settings.gate.path_depth_max = 7).await;
    let deep = vec!["d"; 33].join("/");
    let text = refused(server.config().await.compare_and_set(request([put(&deep, "x")])).await);
    check_told(&text, "33 components", "7 components", "gate.path_depth_max");
    let (status, detail) = write(&server, "PUT", &format!("/v1/files/{deep}"), b"x");
    assert_eq!((status, detail), (400, text));
    let gone = edit(&deep, v1::edit::Expected::Any(v1::Empty {}), None);
    refused(server.config().await.compare_and_set(request([gone])).await);
    server.stop().await;
}
