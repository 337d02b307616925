//! Reads: what is asked, how often, and of whom.

use super::{DEADLINE, client, entry, head, path, scripted_server::ScriptedServer, settings};
use crate::{ApiError, At, Client, DiffQuery, ErrorKind, ListQuery, LogQuery, Namespace, Revision, WaitQuery};
use configbus_proto::{
    status::{Details, to_status},
    v1,
};
use std::time::Duration;

fn file(content: &'static str) -> v1::GetResponse {
    v1::GetResponse { entry: Some(entry("a.json")), content: content.into(), head: Some(head(5)) }
}

fn unavailable() -> tonic::Status {
    to_status(ErrorKind::Unavailable, "not ready", &Details::default())
}

#[tokio::test]
async fn a_file_is_read_at_a_revision() {
    let server = ScriptedServer::start().await;
    server.scripts.get.answer(file("one"));
    let file = client(&[&server.url]).get(&path("a.json"), Some(At::Revision(Revision(3)))).await.unwrap();
    assert_eq!((&*file.content, file.head.head.revision), (&b"one"[..], Revision(5)));
    assert_eq!(file.blob_id().to_string(), "a".repeat(40));
    let asked = server.scripts.get.requests();
    assert_eq!((asked[0].path.as_str(), asked[0].revision), ("a.json", 3));
}

#[tokio::test]
async fn a_token_is_sent_to_nobody_over_a_readable_connection() {
    let bearer = crate::Bearer::of(configbus_model::Token::of([1; 5], [2; 32]));
    let with =
        |servers: &[&str]| Client::with_settings(crate::ClientSettings { bearer: bearer.clone(), ..settings(servers) });
    let error = with(&["https://bus:7420", "http://bus:7420"]).unwrap_err();
    assert!(matches!(error, ApiError::ReadableToken(_)) && error.kind() == ErrorKind::Invalid, "{error}");
    with(&["https://bus:7420", "http://127.0.0.1:7420", "localhost"]).unwrap();
}

#[tokio::test]
async fn a_read_is_tried_again_while_the_server_is_unavailable() {
    let server = ScriptedServer::start().await;
    server.scripts.get.refuse(unavailable());
    server.scripts.get.refuse(unavailable());
    server.scripts.get.answer(file("one"));
    client(&[&server.url]).get(&path("a.json"), None).await.unwrap();
    assert_eq!(server.scripts.get.requests().len(), 3);
}

#[tokio::test]
async fn attempts_are_bounded_and_final_answers_are_final() {
    let server = ScriptedServer::start().await;
    (0..10).for_each(|_| server.scripts.get.refuse(unavailable()));
    let error = client(&[&server.url]).get(&path("a.json"), None).await.unwrap_err();
    assert_eq!((error.kind(), server.scripts.get.requests().len()), (ErrorKind::Unavailable, 4));
    assert_eq!(error.to_string(), "get failed (unavailable): not ready");

    let server = ScriptedServer::start().await;
    server.scripts.get.refuse(to_status(ErrorKind::NotFound, "a.json does not exist", &Details::default()));
    let error = client(&[&server.url]).get(&path("a.json"), None).await.unwrap_err();
    assert_eq!((error.kind(), server.scripts.get.requests().len()), (ErrorKind::NotFound, 1));
}

#[tokio::test]
async fn retries_of_all_calls_share_a_budget() {
    let server = ScriptedServer::start().await;
    (0..200).for_each(|_| server.scripts.get.refuse(unavailable()));
    let client = client(&[&server.url]);
    for _ in 0..40 {
        client.get(&path("a.json"), None).await.unwrap_err();
    }
    // Without a budget these were 160 attempts. Time refills it a little.
    let attempts = server.scripts.get.requests().len();
    assert!((40..100).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_gone_or_hangs() {
    let gone = ScriptedServer::start().await.stop().await;
    let (hanging, living) = (ScriptedServer::start().await, ScriptedServer::start().await);
    living.scripts.get.answer(file("one"));
    living.scripts.get.answer(file("two"));
    let short = Duration::from_millis(200);
    let settings = crate::ClientSettings { attempt_deadline: short, ..settings(&[&gone, &hanging.url, &living.url]) };
    let client = Client::with_settings(settings).unwrap();
    client.get(&path("a.json"), None).await.unwrap();
    assert_eq!(hanging.scripts.get.requests().len(), 1);
    // The one that answered is asked first from now on.
    client.get(&path("a.json"), None).await.unwrap();
    assert_eq!((hanging.scripts.get.requests().len(), living.scripts.get.requests().len()), (1, 2));
}

#[tokio::test]
async fn nobody_at_home_is_unreachable_and_names_the_urls() {
    let gone = ScriptedServer::start().await.stop().await;
    let error = Client::with_settings(settings(&[&gone])).unwrap().status().await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("status failed: no server answers at {gone}"));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_read_that_nobody_answers_ends_at_its_deadline() {
    let server = ScriptedServer::start().await;
    let settings = crate::ClientSettings { deadline: Duration::from_millis(50), ..settings(&[&server.url]) };
    let error = Client::with_settings(settings).unwrap().get(&path("a.json"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn all_pages_of_a_listing_are_of_one_revision() {
    let server = ScriptedServer::start().await;
    let page = |name: &str, revision, next: &str| v1::ListResponse {
        entries: vec![entry(name)],
        head: Some(head(revision)),
        next_page_token: next.to_owned(),
    };
    server.scripts.list.answer(page("a", 5, "more"));
    server.scripts.list.answer(page("b", 5, ""));
    let query = ListQuery { recursive: true, ..ListQuery::default() };
    let listing = client(&[&server.url]).list(&query).await.unwrap();
    assert_eq!(listing.entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let asked: Vec<_> =
        server.scripts.list.requests().into_iter().map(|r| (r.revision, r.page_token, r.recursive)).collect();
    assert_eq!(asked, [(0, String::new(), true), (5, "more".to_owned(), true)]);
}

#[tokio::test]
async fn history_and_differences_are_read() {
    let server = ScriptedServer::start().await;
    let commit = v1::Commit {
        namespace: String::new(),
        revision: 5,
        id: "b".repeat(40),
        author: "a".into(),
        message: "m".into(),
        landed_ms: 7,
        landed_by: String::new(),
    };
    server.scripts.log.answer(v1::LogResponse {
        commits: vec![commit],
        head: Some(head(5)),
        next_page_token: String::new(),
    });
    let change = v1::Change { kind: 1, path: "a.json".into(), old: None, new: Some(entry("a.json")) };
    let (from, to) = (None, Some(head(5)));
    server.scripts.diff.answer(v1::DiffResponse { changes: vec![change], from, to, patch: "+1".into() });
    let client = client(&[&server.url]);
    let history = client.log(&LogQuery::default()).await.unwrap();
    assert_eq!((history.commits[0].revision, history.commits[0].namespace.as_str()), (Revision(5), "main"));
    let difference = client.diff(&DiffQuery { patch: true, ..DiffQuery::default() }).await.unwrap();
    assert_eq!((difference.changes.len(), difference.from, difference.patch.as_deref()), (1, None, Some("+1")));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_named() {
    let server = ScriptedServer::start().await;
    let wrong = v1::Head { commit: "HEAD".into(), ..head(5) };
    server.scripts.get.answer(v1::GetResponse { head: Some(wrong), ..file("one") });
    server.scripts.get.answer(v1::GetResponse { entry: None, ..file("one") });
    let client = client(&[&server.url]);
    for field in ["head.commit", "entry"] {
        let error = client.get(&path("a.json"), None).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with(&format!("field {field} is wrong")), "{cause}");
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}

#[tokio::test]
async fn the_fleet_is_described() {
    let server = ScriptedServer::start().await;
    let host = v1::HostStatus {
        host: "host-1".into(),
        applied: vec![head(5)],
        refusals: vec![v1::Refusal { head: Some(head(6)), reason: "disk is full".into(), time_ms: 9 }],
        connected: true,
        ..v1::HostStatus::default()
    };
    let status = v1::StatusResponse {
        heads: vec![head(6)],
        hosts_total: 1,
        coordination: "embedded".into(),
        ..v1::StatusResponse::default()
    };
    server.scripts.status.answer(status.clone());
    server.scripts.status.answer(status);
    server.scripts.hosts.answer(v1::HostsResponse { hosts: vec![host], heads: vec![head(6)] });
    let client = Client::connect(&server.url).await.unwrap();
    assert_eq!(client.status().await.unwrap().heads[&Namespace::main()].revision, Revision(6));
    let hosts = client.hosts_behind().await.unwrap();
    assert!(server.scripts.hosts.requests()[0].behind_only);
    assert_eq!(hosts.hosts[0].applied[&Namespace::main()].revision, Revision(5));
    assert_eq!((hosts.hosts[0].refusals[0].reason.as_str(), hosts.hosts[0].effective_tree), ("disk is full", None));
}

#[tokio::test]
async fn a_wait_that_the_server_ends_early_goes_on() {
    let server = ScriptedServer::start().await;
    let outcome = |reached, hosts_applied| v1::WaitResponse { reached, hosts_applied, hosts_total: 2, behind: vec![] };
    server.scripts.wait.answer(outcome(false, 1));
    server.scripts.wait.answer(outcome(true, 2));
    let query = WaitQuery { percent: 99.9, timeout: DEADLINE, ..WaitQuery::for_revision(Revision(5)) };
    let reached = client(&[&server.url]).wait(&query).await.unwrap();
    assert_eq!((reached.reached, reached.hosts_applied), (true, 2));
    let asked = server.scripts.wait.requests();
    assert!(asked.len() == 2 && asked.iter().all(|r| r.revision == 5 && r.timeout_ms > 0));

    server.scripts.wait.answer(outcome(false, 1));
    let none = WaitQuery { timeout: Duration::ZERO, ..query };
    assert!(!client(&[&server.url]).wait(&none).await.unwrap().reached);
    assert_eq!(server.scripts.wait.requests()[2].timeout_ms, 1);
}
