//! Somebody writes into the repository past the server.

use crate::harness::{Clone, TestServer, git};
use futures_util::future::join_all;
use std::collections::HashSet;

/// Puts a clone's head into the repository the way an administrator on the machine could.
fn smuggle(server: &TestServer, clone: &Clone) {
    let objects = clone.path.join(".git");
    git(&server.repository(), &["fetch", "-q", objects.to_str().unwrap(), "HEAD:refs/configbus/smuggled"]).expect_ok();
    git(&server.repository(), &["update-ref", "refs/heads/main", &clone.head()]).expect_ok();
}

/// Stops the server, which writes down what it has noted, and returns the one record of a foreign write.
async fn audited(server: TestServer) -> serde_json::Value {
    let data = server.stop().await;
    let log = std::fs::read_to_string(data.path().join("data/audit.jsonl")).unwrap();
    let records = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut foreign = records.filter(|record| record["action"] == "foreign write");
    let record = foreign.next().expect("it is written down");
    assert!(foreign.next().is_none(), "once: {log}");
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_write_that_is_fine_becomes_the_head_before_the_next_change() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("a");
    clone.commit("foreign.json", "1");
    smuggle(&server, &clone);
    assert_eq!(server.put("own.json", "1").await.revision, 3);
    assert_eq!(server.get("foreign.json").await.as_deref(), Some("1"));
    let foreign = clone.head();
    let record = audited(server).await;
    assert_eq!((record["outcome"].as_str(), record["principal"].as_str()), (Some("accepted"), None));
    assert_eq!((&record["revision"], &record["commit"]), (&2.into(), &foreign.clone().into()));
    assert_eq!(record["paths"], serde_json::json!(["foreign.json"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_write_that_the_gate_refuses_is_put_aside() {
    let server = TestServer::start().await;
    let first = server.put("seed.json", "1").await;
    let clone = server.clone_main("a");
    clone.commit("foreign.json", "{");
    smuggle(&server, &clone);
    assert_eq!(server.put("own.json", "1").await.revision, 2);
    assert_eq!(server.get("foreign.json").await, None);
    let kept = git(&server.repository(), &["for-each-ref", "refs/configbus/foreign"]).expect_ok().stdout;
    assert!(kept.contains(&clone.head()), "{kept}");
    let reader = server.clone_main("reader");
    reader.git(&["fetch", "-q", "origin", &clone.head()]).expect_refused("not our ref");
    reader.git(&["fetch", "-q", "origin", &first.commit]).expect_ok();
    let parent = git(&server.repository(), &["rev-parse", "main^"]).expect_ok().stdout;
    assert_eq!(parent.trim(), first.commit);
    let foreign = clone.head();
    let record = audited(server).await;
    assert_eq!((record["outcome"].as_str(), record["revision"].as_u64()), (Some("refused"), None));
    assert_eq!((&record["commit"], &record["paths"]), (&foreign.clone().into(), &serde_json::json!(["foreign.json"])));
    assert!(record["reason"].as_str().unwrap().contains("kept as refs/configbus/foreign/"), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_that_was_moved_back_or_deleted_is_put_back() {
    let server = TestServer::start().await;
    let first = server.put("seed.json", "1").await;
    server.put("seed.json", "2").await;
    git(&server.repository(), &["update-ref", "refs/heads/main", &first.commit]).expect_ok();
    assert_eq!(server.put("own.json", "1").await.revision, 3);
    assert_eq!(server.get("seed.json").await.as_deref(), Some("2"));
    git(&server.repository(), &["update-ref", "-d", "refs/heads/main"]).expect_ok();
    assert_eq!(server.put("own.json", "2").await.revision, 4);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_that_is_moved_back_under_writers_loses_nothing_that_was_acknowledged() {
    const MOVES: usize = 5;
    let server = TestServer::start().await;
    let first = server.put("seed.json", "1").await;
    let repository = server.repository();
    let meddler = tokio::task::spawn_blocking(move || {
        // Git may find the ref locked; then it is the writers' turn again.
        let moved = || git(&repository, &["update-ref", "refs/heads/main", &first.commit]).ok;
        (0..MOVES).filter(|_| moved()).count()
    });
    let writers = (0..16).map(|number| {
        let server = &server;
        async move {
            let mut commits = Vec::new();
            for round in 0..4 {
                commits.push(server.put(&format!("w/{number}.json"), &format!("{round}")).await.commit);
            }
            commits
        }
    });
    let acknowledged = join_all(writers).await.concat();
    assert!(meddler.await.unwrap() > 0, "the ref was never moved");
    server.put("last.json", "1").await;
    let history = git(&server.repository(), &["rev-list", "--first-parent", "main"]).expect_ok().stdout;
    let history: HashSet<&str> = history.lines().collect();
    assert!(acknowledged.iter().all(|commit| history.contains(commit.as_str())), "{acknowledged:?} in {history:?}");
    assert_eq!(history.len(), acknowledged.len() + 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_git_process_is_waited_for() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let lock = server.repository().join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let removal = tokio::task::spawn_blocking(move || std::fs::remove_file(lock).unwrap());
    let head = server.put("own.json", "1").await;
    removal.await.unwrap();
    assert_eq!(head.revision, 2);
    server.stop().await;
}
