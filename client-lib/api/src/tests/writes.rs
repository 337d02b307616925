//! Writes: nothing happens twice.

use super::{client, entry, head, path, scripted_server::ScriptedServer};
use crate::{ApiError, ChangeSet, Edit, EntryMode, ErrorKind, Expected, Revision};
use configbus_proto::{
    status::{ConflictDetail, Details, FindingDetail, to_status},
    v1,
};
use std::time::Duration;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

fn change() -> ChangeSet {
    ChangeSet::new("why").with(Edit::put(path("a.json"), "{}", Expected::Absent))
}

fn landed() -> v1::CompareAndSetResponse {
    let (head, entries) = (Some(head(5)), vec![entry("a.json")]);
    v1::CompareAndSetResponse { head, committed: true, entries, resulting_revision: 5, repeated: false }
}

#[tokio::test]
async fn edits_arrive_as_they_were_meant() {
    let server = ScriptedServer::start().await;
    let gone = v1::Entry { path: "b".into(), ..v1::Entry::default() };
    server
        .scripts
        .compare_and_set
        .answer(v1::CompareAndSetResponse { entries: vec![entry("a.json"), gone], ..landed() });
    let id = "c".repeat(40).parse().unwrap();
    let change = ChangeSet::new("why")
        .with(Edit::put(path("a.json"), "{}", Expected::UnchangedSince(Revision(4))).with_mode(EntryMode::Executable))
        .with(Edit::delete(path("b"), Expected::Id(id)));
    let landed = client(&[&server.url]).compare_and_set(&change).await.unwrap();
    assert!(landed.committed && landed.entries[0].is_some() && landed.entries[1].is_none());
    let asked = server.scripts.compare_and_set.requests().remove(0);
    assert_eq!(asked.edits[0].expected, Some(v1::edit::Expected::UnchangedSince(4)));
    assert_eq!(asked.edits[0].mode(), v1::Mode::Executable);
    assert_eq!(asked.edits[1].expected, Some(v1::edit::Expected::BlobId(id.to_string())));
    assert_eq!(asked.edits[1].change, Some(v1::edit::Change::Delete(v1::Empty {})));
    assert!(!asked.validate_only && asked.message == "why");
}

#[tokio::test]
async fn a_write_is_tried_again_when_the_server_says_that_it_did_nothing() {
    let server = ScriptedServer::start().await;
    let hint = Details { retry_after: Some(Duration::from_millis(1)), ..Details::default() };
    server.scripts.compare_and_set.refuse(to_status(ErrorKind::Exhausted, "queue is full", &hint));
    server.scripts.compare_and_set.answer(landed());
    client(&[&server.url]).compare_and_set(&change()).await.unwrap();
    assert_eq!(server.scripts.compare_and_set.requests().len(), 2);
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_tried_again_under_its_id() {
    let server = ScriptedServer::start().await;
    let unclear = [
        to_status(ErrorKind::Unavailable, "stopping", &Details::default()),
        tonic::Status::unavailable("proxy"),
        tonic::Status::deadline_exceeded("timeout expired"),
    ];
    unclear.into_iter().for_each(|status| server.scripts.compare_and_set.refuse(status));
    server.scripts.compare_and_set.answer(v1::CompareAndSetResponse { repeated: true, ..landed() });
    server.scripts.compare_and_set.answer(landed());
    let client = client(&[&server.url]);
    assert!(client.compare_and_set(&change()).await.unwrap().repeated);
    let named = ChangeSet { request_id: Some("deploy-7".into()), ..change() };
    client.compare_and_set(&named).await.unwrap();
    let ids: Vec<_> = server.scripts.compare_and_set.requests().into_iter().map(|asked| asked.request_id).collect();
    assert!(ids.len() == 5 && ids[0].len() == 32 && ids[..4].iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(ids[4], "deploy-7");
}

#[tokio::test]
async fn what_nobody_can_tell_of_a_write_leaves_its_outcome_unknown() {
    let server = ScriptedServer::start().await;
    let settings = super::settings(&[&server.url]);
    for _ in 0..settings.attempts_max {
        server.scripts.compare_and_set.refuse(tonic::Status::unavailable("proxy"));
    }
    let client = crate::Client::with_settings(settings).unwrap();
    let error = client.compare_and_set(&change()).await.unwrap_err();
    assert!(matches!(error, ApiError::OutcomeUnknown { .. }), "{error:?}");
    // What is answered at last is the whole truth, also about the attempts before.
    server.scripts.compare_and_set.refuse(tonic::Status::unavailable("proxy"));
    server.scripts.compare_and_set.refuse(to_status(ErrorKind::Conflict, "changed", &Details::default()));
    let error = client.compare_and_set(&change()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_write_to_a_server_that_is_gone_goes_to_the_next() {
    let gone = ScriptedServer::start().await.stop().await;
    let living = ScriptedServer::start().await;
    living.scripts.compare_and_set.answer(landed());
    client(&[&gone, &living.url]).compare_and_set(&change()).await.unwrap();
    let error = client(&[&gone]).compare_and_set(&change()).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_a_write_was_sent_leaves_its_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = client(&[&url]);
    let change = change();
    // Then nobody listens any more: attempts that follow tell nothing of the first.
    let accept = async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 256];
        // The request is on its way when the first bytes are here.
        assert!(connection.read(&mut bytes).await.unwrap() > 0);
    };
    let (error, ()) = tokio::join!(client.compare_and_set(&change), accept);
    let error = error.unwrap_err();
    assert!(matches!(error, ApiError::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_write_without_an_answer_in_time_has_an_unknown_outcome() {
    let server = ScriptedServer::start().await;
    let settings = crate::ClientSettings { deadline: Duration::from_millis(50), ..super::settings(&[&server.url]) };
    let client = crate::Client::with_settings(settings).unwrap();
    let error = client.compare_and_set(&change()).await.unwrap_err();
    assert!(matches!(error, ApiError::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn conflicts_and_findings_are_told_in_full() {
    let server = ScriptedServer::start().await;
    let current = "d".repeat(40);
    let conflicts = vec![
        ConflictDetail { path: "a.json".into(), current: Some(current.clone()) },
        ConflictDetail { path: "b.json".into(), current: None },
    ];
    let details = Details { conflicts, ..Details::default() };
    server.scripts.compare_and_set.refuse(to_status(ErrorKind::Conflict, "2 paths differ", &details));
    let finding = FindingDetail { place: "a.json:1:2".into(), message: "not JSON".into() };
    let details = Details { findings: vec![finding], ..Details::default() };
    server.scripts.compare_and_set.refuse(to_status(ErrorKind::Rejected, "refused: 1 problem", &details));
    let client = client(&[&server.url]);

    let conflict = client.compare_and_set(&change()).await.unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    let told: Vec<_> = conflict.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("a.json is now {current}"), "b.json does not exist".to_owned()]);

    let rejected = client.validate(&change()).await.unwrap_err();
    assert_eq!((rejected.kind(), rejected.findings()[0].place.as_str()), (ErrorKind::Rejected, "a.json:1:2"));
    assert_eq!(rejected.to_string(), "validate: refused: 1 problem");
    assert!(rejected.conflicts().is_empty() && server.scripts.compare_and_set.requests()[1].validate_only);
}

#[tokio::test]
async fn checking_needs_no_head() {
    let server = ScriptedServer::start().await;
    server.scripts.compare_and_set.answer(v1::CompareAndSetResponse::default());
    assert_eq!(client(&[&server.url]).validate(&change()).await.unwrap(), None);
}

#[tokio::test]
async fn undo_is_asked_for_once_and_told_in_full() {
    use crate::{At, RevertQuery};
    use v1::{at::At as WireAt, revert_request::What};
    let server = ScriptedServer::start().await;
    let change = v1::Change { kind: 1, path: "a.json".into(), old: None, new: Some(entry("a.json")) };
    let answer = v1::RevertResponse {
        head: Some(head(5)),
        committed: true,
        resulting_revision: 5,
        repeated: false,
        changes: vec![change],
        restored: Some(head(2)),
    };
    server.scripts.revert.refuse(tonic::Status::unavailable("proxy"));
    server.scripts.revert.answer(answer.clone());
    server.scripts.revert.answer(answer);
    let client = client(&[&server.url]);
    let done = client.revert(&RevertQuery::since(At::Time(7), ["ads/"])).await.unwrap();
    assert_eq!((done.changes.len(), done.restored.unwrap().head.revision), (1, Revision(2)));
    client.plan_revert(&RevertQuery::landing(At::Revision(Revision(4)))).await.unwrap();
    let asked = server.scripts.revert.requests();
    assert_eq!(asked[0], asked[1], "under the same id");
    assert_eq!(asked[1].what, Some(What::Restore(v1::At { at: Some(WireAt::TimeMs(7)) })));
    assert_eq!(asked[2].what, Some(What::Undo(v1::At { at: Some(WireAt::Revision(4)) })));
    assert!(!asked[1].validate_only && asked[2].validate_only && asked[1].paths == ["ads/"]);
}

#[tokio::test]
async fn many_changes_are_answered_in_order_and_those_of_a_broken_stream_are_sent_again() {
    let server = ScriptedServer::start().await;
    let script = &server.scripts.compare_and_set;
    let conflicts = vec![ConflictDetail { path: "a.json".into(), current: None }];
    script.answer(landed());
    script.refuse(to_status(ErrorKind::Conflict, "changed", &Details { conflicts, ..Details::default() }));
    script.refuse(tonic::Status::unavailable("proxy"));
    (0..3).for_each(|_| script.answer(landed()));
    let mut bulk = client(&[&server.url]).land_all((0..5).map(|_| change()));
    let mut kinds = Vec::new();
    while let Some(outcome) = bulk.next().await {
        kinds.push(outcome.err().map(|error| error.kind()));
    }
    assert_eq!(kinds, [None, Some(ErrorKind::Conflict), None, None, None]);
    assert_eq!(bulk.unanswered(), 0);
    let asked = script.requests();
    assert_eq!((asked.len(), &asked[2]), (6, &asked[3]), "under the same id");
    assert!(asked[0].request_id != asked[1].request_id && !asked[0].request_id.is_empty());
    assert!(client(&[&server.url]).land_all([]).next().await.is_none());
}

#[tokio::test]
async fn many_changes_end_with_one_error_when_no_server_answers() {
    let url = ScriptedServer::start().await.stop().await;
    let mut bulk = client(&[&url]).land_all([change(), change()]);
    assert!(matches!(bulk.next().await, Some(Err(ApiError::Unreachable { .. }))));
    assert!(bulk.next().await.is_none());
    assert_eq!(bulk.unanswered(), 2);
}
