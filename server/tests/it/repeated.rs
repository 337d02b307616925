//! Requests that come again under their id.

use crate::harness::{TestServer, edit, put, request};
use configbus_model::ErrorKind;
use configbus_proto::status::kind_of;
use configbus_proto::v1;
use configbus_proto::v1::edit::Expected;
use futures_util::future::{join_all, select};
use std::collections::BTreeSet;
use std::pin::pin;

fn named(id: &str, edits: impl IntoIterator<Item = v1::Edit>) -> v1::CompareAndSetRequest {
    v1::CompareAndSetRequest { request_id: id.into(), ..request(edits) }
}

async fn ask(server: &TestServer, request: v1::CompareAndSetRequest) -> v1::CompareAndSetResponse {
    server.config().await.compare_and_set(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_gets_the_first_answer_even_from_the_next_server() {
    let server = TestServer::start().await;
    let create = || named("deploy-1", [edit("a.json", Expected::Absent(v1::Empty {}), Some("1"))]);
    let first = ask(&server, create()).await;
    assert!(first.committed && !first.repeated);
    server.put("a.json", "2").await;
    let server = {
        let again = ask(&server, create()).await;
        assert_eq!(again, v1::CompareAndSetResponse { repeated: true, head: again.head.clone(), ..first.clone() });
        server.restart(|_| {}).await
    };
    let again = ask(&server, create()).await;
    assert!(again.repeated && again.committed);
    assert_eq!((again.resulting_revision, &again.entries), (1, &first.entries));
    assert_eq!(again.head.unwrap().commit, first.head.unwrap().commit);
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    let clone = server.clone_main("a");
    let message = clone.git(&["log", "--format=%(trailers:key=Request-Id,valueonly)", "-1", "HEAD~1"]).stdout;
    assert_eq!(message.trim(), "deploy-1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_found_everything_there_already_changes_nothing_later() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    let same = ask(&server, named("same-1", [put("a.json", "1")])).await;
    assert!(!same.committed);
    server.put("a.json", "2").await;
    let server = server.restart(|_| {}).await;
    let again = ask(&server, named("same-1", [put("a.json", "1")])).await;
    assert!(again.repeated && !again.committed);
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_is_one_change() {
    let server = TestServer::start().await;
    ask(&server, named("id-1", [put("a.json", "1")])).await;
    let mut config = server.config().await;
    let error = config.compare_and_set(named("id-1", [put("a.json", "2")])).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Invalid);
    assert!(error.message().contains("request id id-1 was used for another change, which is in r1"), "{error}");
    let forged = v1::CompareAndSetRequest { message: "x\n\nRequest-Id: id-2".into(), ..request([put("b", "1")]) };
    assert_eq!(kind_of(&config.compare_and_set(forged).await.unwrap_err()), ErrorKind::Invalid);
    let spaced = config.compare_and_set(named("id 3", [put("b", "1")])).await.unwrap_err();
    assert_eq!(kind_of(&spaced), ErrorKind::Invalid);
    // What was refused may be asked for again.
    let wrong = config.compare_and_set(named("id-4", [put("b.json", "{")])).await.unwrap_err();
    assert_eq!(kind_of(&wrong), ErrorKind::Rejected);
    assert!(!ask(&server, named("id-4", [put("b.json", "{}")])).await.repeated);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_attempts_at_once_one_lands() {
    let server = TestServer::start().await;
    let attempt = || ask(&server, named("burst", [edit("a.json", Expected::Absent(v1::Empty {}), Some("1"))]));
    let answers = join_all((0..16).map(|_| attempt())).await;
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    assert!(answers.iter().all(|answer| answer.committed && answer.resulting_revision == 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_names_the_revision_that_would_result() {
    let server = TestServer::start().await;
    let only = |content: &str| v1::CompareAndSetRequest { validate_only: true, ..request([put("a.json", content)]) };
    assert_eq!(ask(&server, only("1")).await.resulting_revision, 1);
    server.put("a.json", "1").await;
    assert_eq!(ask(&server, only("1")).await.resulting_revision, 1);
    assert_eq!(ask(&server, only("2")).await.resulting_revision, 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expectation_of_the_whole_tree_fails_on_a_change_anywhere() {
    let server = TestServer::start().await;
    let mut config = server.config().await;
    let on = |revision, path: &str| request([edit(path, Expected::TreeUnchangedSince(revision), Some("1"))]);
    assert!(config.compare_and_set(on(0, "a.json")).await.unwrap().into_inner().committed);
    let error = config.compare_and_set(on(0, "b.json")).await.unwrap_err();
    assert_eq!((kind_of(&error), error.message()), (ErrorKind::Conflict, "main has changed since r0: it is at r1"));
    assert!(config.compare_and_set(on(1, "b.json")).await.unwrap().into_inner().committed);
    assert_eq!(kind_of(&config.compare_and_set(on(9, "c.json")).await.unwrap_err()), ErrorKind::NotFound);
    let present = |path: &str| request([edit(path, Expected::Present(v1::Empty {}), Some("2"))]);
    assert!(config.compare_and_set(present("b.json")).await.is_ok());
    assert_eq!(kind_of(&config.compare_and_set(present("c.json")).await.unwrap_err()), ErrorKind::Conflict);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_landed_is_written_down_although_whoever_asked_has_gone() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    for turns in 0..100 {
        let mut config = server.config().await;
        let call = config.compare_and_set(request([put("a.json", &format!("{turns}"))]));
        let gone = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        drop(select(pin!(call), pin!(gone)).await);
    }
    server.put("last.json", "1").await;
    let head = server.clone_main("a").git(&["rev-list", "--count", "HEAD"]).stdout.trim().parse::<u64>().unwrap();
    let folder = server.stop().await;
    let audit = std::fs::read_to_string(folder.path().join("data/audit.jsonl")).unwrap();
    let records = audit.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let revisions: BTreeSet<u64> = records.filter_map(|record| record["revision"].as_u64()).collect();
    assert_eq!(revisions, (1..=head).collect());
}
