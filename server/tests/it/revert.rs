//! Undo through gRPC.

use crate::harness::{TestServer, edit, put, request};
use configbus_model::ErrorKind;
use configbus_proto::status::{details_of, kind_of};
use configbus_proto::v1;
use configbus_proto::v1::edit::Expected;
use configbus_proto::v1::revert_request::What;
use tonic::Status;

fn at(revision: u64) -> v1::At {
    v1::At { at: Some(v1::at::At::Revision(revision)) }
}

fn undo(revision: u64) -> v1::RevertRequest {
    v1::RevertRequest { what: Some(What::Undo(at(revision))), ..v1::RevertRequest::default() }
}

fn restore(revision: u64, paths: &[&str]) -> v1::RevertRequest {
    let paths = paths.iter().map(ToString::to_string).collect();
    v1::RevertRequest { what: Some(What::Restore(at(revision))), paths, ..v1::RevertRequest::default() }
}

async fn revert(server: &TestServer, request: v1::RevertRequest) -> Result<v1::RevertResponse, Status> {
    server.config().await.revert(request).await.map(tonic::Response::into_inner)
}

fn paths(answer: &v1::RevertResponse) -> Vec<&str> {
    answer.changes.iter().map(|change| change.path.as_str()).collect()
}

async fn land(server: &TestServer, edits: impl IntoIterator<Item = v1::Edit>) {
    server.config().await.compare_and_set(request(edits)).await.unwrap();
}

fn delete(path: &str) -> v1::Edit {
    edit(path, Expected::Any(v1::Empty {}), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landing_is_undone_without_what_came_after_it() {
    let server = TestServer::start().await;
    land(&server, [put("a.json", "1"), put("b.json", "1"), put("dir/c.json", "1")]).await;
    land(&server, [put("a.json", "2"), delete("b.json"), put("new.json", "2")]).await;
    land(&server, [put("dir/c.json", "3")]).await;
    let undone = revert(&server, undo(2)).await.unwrap();
    assert_eq!((undone.committed, undone.resulting_revision, undone.restored.as_ref().unwrap().revision), (true, 4, 1));
    assert_eq!(paths(&undone), ["a.json", "b.json", "new.json"]);
    for (path, content) in [("a.json", Some("1")), ("b.json", Some("1")), ("new.json", None), ("dir/c.json", Some("3"))]
    {
        assert_eq!(server.get(path).await.as_deref(), content, "{path}");
    }
    let again = revert(&server, undo(2)).await.unwrap();
    assert_eq!((again.committed, again.resulting_revision, again.changes.len()), (false, 4, 0));
    let first = revert(&server, v1::RevertRequest { paths: vec!["dir/".into()], ..undo(3) }).await.unwrap();
    assert_eq!(paths(&first), ["dir/c.json"]);
    let clone = server.clone_main("a");
    let messages = clone.git(&["log", "--format=%s", "-2"]).stdout;
    assert!(messages.contains("Revert \"Change a.json, b.json, new.json\""), "{messages}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_conflicts_and_is_explained() {
    let server = TestServer::start().await;
    land(&server, [put("a.json", "1"), put("b.json", "1")]).await;
    land(&server, [put("a.json", "2"), put("b.json", "2")]).await;
    let message = v1::CompareAndSetRequest { message: "raise again".into(), ..request([put("b.json", "3")]) };
    server.config().await.compare_and_set(message).await.unwrap();
    let error = revert(&server, undo(2)).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Conflict);
    let conflicts = details_of(&error).conflicts;
    assert_eq!(conflicts.iter().map(|conflict| conflict.path.as_str()).collect::<Vec<_>>(), ["b.json"]);
    assert!(error.message().starts_with("1 of the files have changed since r2\n  b.json: by r3 "), "{error}");
    assert!(error.message().contains("raise again"), "{error}");
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"), "all or nothing");
    let restored = revert(&server, restore(1, &["b.json"])).await.unwrap();
    assert_eq!((restored.committed, server.get("b.json").await.as_deref()), (true, Some("1")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_becomes_what_it_was() {
    let server = TestServer::start().await;
    land(&server, [put("ads/a.json", "1"), put("ads/b", "x"), put("web/c.json", "1")]).await;
    let then = server.config().await.get(v1::GetRequest { path: "ads/b".into(), ..Default::default() }).await.unwrap();
    let then_ms = then.into_inner().head.unwrap().time_ms;
    land(&server, [put("ads/a.json", "2"), delete("ads/b"), put("ads/b/now/a.json", "1"), put("web/c.json", "2")])
        .await;
    let planned = v1::RevertRequest { validate_only: true, ..restore(1, &["ads/"]) };
    let plan = revert(&server, planned).await.unwrap();
    assert_eq!((plan.committed, plan.resulting_revision), (false, 3));
    assert_eq!(paths(&plan), ["ads/a.json", "ads/b", "ads/b/now/a.json"]);
    assert_eq!(server.get("ads/a.json").await.as_deref(), Some("2"));
    let done = revert(&server, restore(1, &["ads/"])).await.unwrap();
    assert_eq!((done.committed, done.changes), (true, plan.changes));
    assert_eq!(server.get("ads/b").await.as_deref(), Some("x"));
    assert_eq!(server.get("web/c.json").await.as_deref(), Some("2"));
    let time = v1::At { at: Some(v1::at::At::TimeMs(then_ms)) };
    let by_time = v1::RevertRequest { what: Some(What::Restore(time)), ..restore(1, &["/"]) };
    assert_eq!(paths(&revert(&server, by_time).await.unwrap()), ["web/c.json"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_passes_the_gate_and_happens_once() {
    let server = TestServer::start().await;
    land(&server, [put("a.json", "1")]).await;
    land(&server, [put("a.json", "2")]).await;
    // What is so already stays decided, whatever others do later.
    let so_already = || v1::RevertRequest { request_id: "restore-1".into(), ..restore(2, &["a.json"]) };
    assert!(!revert(&server, so_already()).await.unwrap().committed);
    let named = || v1::RevertRequest { request_id: "undo-1".into(), ..undo(2) };
    let first = revert(&server, named()).await.unwrap();
    server.put("a.json", "4").await;
    let server = server.restart(|_| {}).await;
    let again = revert(&server, named()).await.unwrap();
    assert_eq!((again.repeated, again.committed, again.resulting_revision), (true, true, 3));
    assert_eq!(again.changes, first.changes);
    let still = revert(&server, so_already()).await.unwrap();
    assert_eq!((still.repeated, still.committed), (true, false));
    assert_eq!(server.get("a.json").await.as_deref(), Some("4"));
    for (request, kind) in [
        (v1::RevertRequest { request_id: "undo-1".into(), ..undo(1) }, ErrorKind::Invalid),
        (v1::RevertRequest::default(), ErrorKind::Invalid),
        (restore(1, &[]), ErrorKind::Invalid),
        (restore(1, &["../x"]), ErrorKind::Invalid),
        (restore(1, &["nothing/"]), ErrorKind::NotFound),
        (restore(99, &["a.json"]), ErrorKind::NotFound),
        (v1::RevertRequest { paths: vec!["b.json".into()], ..undo(2) }, ErrorKind::NotFound),
        (v1::RevertRequest { namespace: "other".into(), ..undo(2) }, ErrorKind::NotFound),
    ] {
        let error = revert(&server, request.clone()).await.unwrap_err();
        assert_eq!(kind_of(&error), kind, "{request:?}: {error}");
    }
    server.stop().await;
}
