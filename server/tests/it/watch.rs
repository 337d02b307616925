//! Watches through gRPC.

use crate::harness::{TestServer, put, request};
use configbus_proto::v1;
use tonic::Streaming;

async fn watch(server: &TestServer, paths: &[&str], from_revision: u64) -> Streaming<v1::WatchResponse> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = v1::WatchRequest { paths, from_revision, namespace: String::new() };
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
    let request = v1::WatchRequest::default();
    let refused = server.config().await.watch(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    let (ended, _folder) = tokio::join!(first.message(), server.stop());
    assert!(ended.unwrap().is_none());
}
