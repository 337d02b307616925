//! Compare-and-set through gRPC.

use crate::harness::{TestServer, edit, put, request};
use configbus_model::ErrorKind;
use configbus_proto::status::{details_of, kind_of};
use configbus_proto::v1;
use configbus_proto::v1::edit::Expected;
use futures_util::future::join_all;

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_file_take_turns_and_the_loser_learns_the_current_id() {
    let server = TestServer::start().await;
    let mut config = server.config().await;
    let first = config.compare_and_set(request([edit("a.json", Expected::Absent(v1::Empty {}), Some("1"))])).await;
    let entry = first.unwrap().into_inner().entries[0].clone();
    let on_first = |content| request([edit("a.json", Expected::BlobId(entry.id.clone()), Some(content))]);
    let second = config.compare_and_set(on_first("2")).await.unwrap().into_inner();
    let error = config.compare_and_set(on_first("3")).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Conflict);
    let conflicts = details_of(&error).conflicts;
    assert_eq!(
        (conflicts[0].path.as_str(), conflicts[0].current.clone()),
        ("a.json", Some(second.entries[0].id.clone()))
    );
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_different_files_all_land() {
    let server = TestServer::start().await;
    let writes = (0..24).map(|n| {
        let server = &server;
        async move {
            for round in 0..4 {
                server.put(&format!("dir/{n}.json"), &format!("{round}")).await;
            }
        }
    });
    join_all(writes).await;
    let status = server.fleet().await.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(status.heads[0].revision, 96);
    for n in 0..24 {
        assert_eq!(server.get(&format!("dir/{n}.json")).await.as_deref(), Some("3"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_racing_writers_of_one_file_exactly_one_wins_each_round() {
    let server = TestServer::start().await;
    let mut expected = Expected::Absent(v1::Empty {});
    for round in 0..5 {
        let writes = (0..8).map(|n| {
            let (server, expected) = (&server, expected.clone());
            let request = request([edit("a.json", expected, Some(&format!("[{round}, {n}]")))]);
            async move { server.config().await.compare_and_set(request).await }
        });
        let outcomes = join_all(writes).await;
        let landed: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert_eq!(landed.len(), 1);
        expected = Expected::BlobId(landed[0].get_ref().entries[0].id.clone());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_twins_only_together_cannot_both_land() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    for round in 0..10 {
        let (lower, upper) = (format!("r{round}/name.txt"), format!("r{round}/NAME.txt"));
        let write = |path: String| {
            let server = &server;
            async move { server.config().await.compare_and_set(request([put(&path, "x")])).await.is_ok() }
        };
        let (one, other) = tokio::join!(write(lower), write(upper));
        assert!(one != other, "round {round}: {one} and {other}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_edits_land_together_or_not_at_all() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    let mut config = server.config().await;
    let absent = || Expected::Absent(v1::Empty {});
    let error = config
        .compare_and_set(request([edit("b.json", absent(), Some("2")), edit("a.json", absent(), Some("2"))]))
        .await
        .unwrap_err();
    assert_eq!(details_of(&error).conflicts.len(), 1);
    assert_eq!(server.get("b.json").await, None);
    let both = [edit("b.json", absent(), Some("2")), edit("a.json", Expected::UnchangedSince(1), None)];
    let landed = config.compare_and_set(request(both)).await.unwrap().into_inner();
    assert!(landed.committed);
    assert_eq!((server.get("a.json").await, server.get("b.json").await.as_deref()), (None, Some("2")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_of_very_many_files_arrives_as_one() {
    const FILES: usize = 3_000;
    let server = TestServer::start().await;
    let path = |n: usize| format!("dir/{n}/{}.txt", "x".repeat(50));
    let mut config = server.config().await;
    config.compare_and_set(request((0..FILES).map(|n| put(&path(n), "1")))).await.unwrap();
    let absent = |n| edit(&path(n), Expected::Absent(v1::Empty {}), Some("2"));
    let error = config.compare_and_set(request((0..FILES).map(absent))).await.unwrap_err();
    assert_eq!((error.code(), kind_of(&error)), (tonic::Code::Aborted, ErrorKind::Conflict), "{error}");
    let conflicts = details_of(&error).conflicts;
    assert!(conflicts.len() >= 30 && conflicts[0].path == path(0) && conflicts[0].current.is_some(), "{conflicts:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_makes_no_commit_and_validation_alone_lands_nothing() {
    let server = TestServer::start().await;
    let head = server.put("a.json", "1").await;
    let mut config = server.config().await;
    let same = config.compare_and_set(request([put("a.json", "1")])).await.unwrap().into_inner();
    assert_eq!((same.committed, same.head.unwrap().commit), (false, head.commit.clone()));
    let only = v1::CompareAndSetRequest { validate_only: true, ..request([put("a.json", "2")]) };
    let valid = config.compare_and_set(only).await.unwrap().into_inner();
    assert_eq!((valid.committed, valid.head.unwrap().commit), (false, head.commit));
    let broken = v1::CompareAndSetRequest { validate_only: true, ..request([put("a.json", "{")]) };
    let error = config.compare_and_set(broken).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Rejected);
    assert!(details_of(&error).findings[0].place.starts_with("a.json:1:"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_meant_is_an_error_that_says_so() {
    let server = TestServer::start().await;
    let mut config = server.config().await;
    let empty = config.get(v1::GetRequest { path: "a.json".into(), ..Default::default() }).await.unwrap_err();
    assert_eq!(empty.message(), "namespace main has no commit yet: push one first");
    server.put("dir/a.json", "1").await;
    for (request, kind) in [
        (request([edit("nope.json", Expected::Any(v1::Empty {}), None)]), ErrorKind::NotFound),
        (request([put("dir", "1")]), ErrorKind::Invalid),
        (request([put("dir/a.json/b", "1")]), ErrorKind::Invalid),
        (request([put("../a", "1")]), ErrorKind::Invalid),
        (request([put("a", "1"), put("a", "2")]), ErrorKind::Invalid),
        (request([]), ErrorKind::Invalid),
        (request([edit("dir/a.json", Expected::UnchangedSince(99), Some("2"))]), ErrorKind::NotFound),
        (request([put(".configbus/rollout.yaml", "a: 1")]), ErrorKind::Rejected),
    ] {
        let error = config.compare_and_set(request.clone()).await.unwrap_err();
        assert_eq!(kind_of(&error), kind, "{request:?}: {error}");
    }
    let far = config.get(v1::GetRequest { path: "dir/a.json".into(), revision: 9, at: None }).await.unwrap_err();
    assert_eq!(far.message(), "r9 does not exist in main, the head is r1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_request_into_the_head() {
    let server = TestServer::start().await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned();
    let traced = v1::CompareAndSetRequest { traceparent: traceparent.clone(), ..request([put("a.json", "1")]) };
    let landed = server.config().await.compare_and_set(traced).await.unwrap().into_inner();
    assert_eq!(landed.head.unwrap().traceparent, traceparent);
    assert!(!server.put("a.json", "2").await.traceparent.is_empty());
    server.stop().await;
}
