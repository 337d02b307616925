//! Watches through gRPC.

use crate::harness::{TestServer, edit, put, request};
use configbus_proto::v1;
use std::collections::BTreeMap;
use tonic::Streaming;

async fn watch(server: &TestServer, paths: &[&str], from_revision: u64) -> Streaming<v1::WatchResponse> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = v1::WatchRequest { paths, from_revision, ..v1::WatchRequest::default() };
    server.config().await.watch(request).await.unwrap().into_inner()
}

async fn next_change(stream: &mut Streaming<v1::WatchResponse>) -> (u64, u64, Vec<String>) {
    loop {
        let update = stream.message().await.unwrap().unwrap();
        if !update.changes.is_empty() {
            let paths = update.changes.into_iter().map(|change| change.path).collect();
            return (update.from_revision, update.head.unwrap().revision, paths);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_landing_is_told_once_and_in_order() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let mut stream = watch(&server, &[], 0).await;
    let greeting = stream.message().await.unwrap().unwrap();
    assert_eq!((greeting.head.unwrap().revision, greeting.changes.len()), (1, 0));
    for round in 0..20 {
        server.put("a.json", &format!("{round}")).await;
    }
    for revision in 2..22 {
        assert_eq!(next_change(&mut stream).await, (revision - 1, revision, vec!["a.json".to_owned()]));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_some_paths_is_silent_about_others() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let mut stream = watch(&server, &["a.json", "dir/"], 0).await;
    server.put("other.json", "1").await;
    server.put("dir/x/y.json", "1").await;
    assert_eq!(next_change(&mut stream).await, (2, 3, vec!["dir/x/y.json".to_owned()]));
    server.put("dir.json", "1").await;
    server.put("a.json", "1").await;
    assert_eq!(next_change(&mut stream).await, (4, 5, vec!["a.json".to_owned()]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_later_misses_nothing() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    server.put("b.json", "1").await;
    server.put("c.json", "1").await;
    let server = server.restart(|_| {}).await;
    let mut stream = watch(&server, &[], 1).await;
    // The server that saw the landings is gone: they come as one change.
    let (from, to, paths) = next_change(&mut stream).await;
    assert_eq!((from, to, paths), (1, 3, vec!["b.json".to_owned(), "c.json".to_owned()]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watched_an_empty_namespace_misses_nothing_of_it() {
    let server = TestServer::start().await;
    let mut stream = watch(&server, &[], 0).await;
    let greeting = stream.message().await.unwrap().unwrap();
    assert_eq!((greeting.head.unwrap().revision, greeting.changes.len()), (0, 0));
    drop(stream);
    server.put("a.json", "1").await;
    server.put("b.json", "1").await;
    let request = v1::WatchRequest { from_start: true, ..v1::WatchRequest::default() };
    let mut again = server.config().await.watch(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while told.last().is_none_or(|(_, to, _)| *to < 2) {
        told.push(next_change(&mut again).await);
    }
    let paths: Vec<String> = told.iter().flat_map(|(_, _, paths)| paths.clone()).collect();
    assert_eq!((told[0].0, paths), (0, vec!["a.json".to_owned(), "b.json".to_owned()]));
    let both = v1::WatchRequest { from_start: true, from_revision: 1, ..v1::WatchRequest::default() };
    let refused = server.config().await.watch(both).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_of_many_files_comes_in_parts() {
    let server = TestServer::start_with(|settings| settings.limits.edits_max = 20_000).await;
    server.put("seed.json", "1").await;
    let mut stream = watch(&server, &[], 0).await;
    let edits = (0..10_500).map(|n| put(&format!("{}{}/{n}.txt", "d".repeat(60), n % 100), "x"));
    server.config().await.compare_and_set(request(edits)).await.unwrap();
    let (from, complete, first) = next_change(&mut stream).await;
    assert_eq!((from, complete), (1, 1));
    let (from, complete, second) = next_change(&mut stream).await;
    assert_eq!((from, complete), (1, 2));
    assert_eq!(first.len() + second.len(), 10_500);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_are_bounded_and_end_with_the_server() {
    let server = TestServer::start_with(|settings| settings.limits.watchers_max = 1).await;
    let mut first = watch(&server, &[], 0).await;
    first.message().await.unwrap().unwrap();
    let request = v1::WatchRequest::default();
    let refused = server.config().await.watch(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    let (ended, _folder) = tokio::join!(first.message(), server.stop());
    assert!(ended.unwrap().is_none());
}

/// Follows a namespace over many streams, each broken off after a random number of messages, until a revision is complete.
/// Returns what the watcher believes the files are.
async fn follow(server: &TestServer, seed: u64, until: u64) -> BTreeMap<String, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut files, mut told) = (BTreeMap::new(), 0);
    while told < until {
        let (from_revision, from_start) = (told, told == 0);
        let request = v1::WatchRequest { from_revision, from_start, ..v1::WatchRequest::default() };
        let mut stream = server.config().await.watch(request).await.unwrap().into_inner();
        let greeting = stream.message().await.unwrap().unwrap();
        assert_eq!((greeting.head.unwrap().revision, greeting.changes.len()), (told, 0), "seed {seed}");
        for _ in 0..random.usize(0..8) {
            if told >= until {
                break;
            }
            let update = stream.message().await.unwrap().unwrap();
            let head = update.head.unwrap().revision;
            assert!(update.from_revision == told && (head > told || update.changes.is_empty()), "seed {seed}");
            for change in update.changes {
                let before = change.old.map(|entry| entry.id);
                let now = change.new.map(|entry| entry.id);
                let held = match &now {
                    Some(id) => files.insert(change.path.clone(), id.clone()),
                    None => files.remove(&change.path),
                };
                assert_eq!(held, before, "a gap or a duplicate at {} in r{head}, seed {seed}", change.path);
            }
            told = head;
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_that_break_off_at_random_miss_nothing_and_hear_nothing_twice() {
    const LANDINGS: u64 = 60;
    let server = TestServer::start().await;
    let seed = fastrand::u64(..);
    let write = async {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut revision = 0;
        while revision < LANDINGS {
            let path = format!("dir{}/{}.txt", random.u8(0..3), random.u8(0..4));
            let is_there = server.get(&path).await.is_some();
            let edit = if is_there && random.u8(0..4) == 0 {
                edit(&path, v1::edit::Expected::Any(v1::Empty {}), None)
            } else {
                put(&path, &random.u64(..).to_string())
            };
            let landed = server.config().await.compare_and_set(request([edit])).await.unwrap().into_inner();
            revision = landed.resulting_revision;
        }
    };
    let watchers = futures_util::future::join_all((1..4).map(|n| follow(&server, seed.wrapping_add(n), LANDINGS)));
    let (views, ()) = tokio::join!(watchers, write);
    let list = v1::ListRequest { recursive: true, ..v1::ListRequest::default() };
    let listed = server.config().await.list(list).await.unwrap().into_inner();
    let expected: BTreeMap<_, _> = listed.entries.into_iter().map(|entry| (entry.path, entry.id)).collect();
    assert!(views.iter().all(|view| *view == expected), "seed {seed}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_more_than_the_server_is_told_to_begin_anew() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    let request = v1::WatchRequest { from_revision: 9, ..v1::WatchRequest::default() };
    let refused = server.config().await.watch(request).await.unwrap_err();
    let said = "r9 does not exist in main, the head is r1 of epoch 1: was it restored from a backup? Read everything anew and watch \
                from r1, or without a revision from the head";
    assert_eq!((refused.code(), refused.message()), (tonic::Code::NotFound, said));
    server.stop().await;
}
