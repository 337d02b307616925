//! Watches: no gap, no duplicate, whatever happens to the connection.

use super::{client, entry, head, path, scripted_server::ScriptedServer};
use crate::{ErrorKind, Revision, Update, Watch, WatchPath, WatchQuery};
use configbus_proto::{
    status::{Details, to_status},
    v1,
};
use futures_util::StreamExt as _;

fn changed(from: u64, to: u64, path: &str) -> v1::WatchResponse {
    let change = v1::Change { kind: 1, path: path.to_owned(), old: None, new: Some(entry(path)) };
    v1::WatchResponse { head: Some(head(to)), from_revision: from, changes: vec![change], moved: None }
}

fn heartbeat(revision: u64) -> v1::WatchResponse {
    v1::WatchResponse { head: Some(head(revision)), from_revision: revision, changes: Vec::new(), moved: None }
}

fn after(revision: u64) -> WatchQuery {
    WatchQuery { after: Some(Revision(revision)), ..WatchQuery::default() }
}

fn told(update: &Update) -> (u64, Vec<&str>) {
    (update.head.head.revision.0, update.changes.iter().map(|change| change.path().as_str()).collect())
}

/// Returns the next change as `revision path…`, leaving out heartbeats.
async fn next_change(watch: &mut Watch) -> String {
    loop {
        let update = watch.next().await.unwrap().unwrap();
        if !update.is_heartbeat() {
            let (revision, paths) = told(&update);
            return format!("r{revision} {}", paths.join(" "));
        }
    }
}

#[tokio::test]
async fn what_is_watched_is_said_to_the_server() {
    let server = ScriptedServer::start().await;
    server.scripts.watch.answer((vec![heartbeat(7)], None));
    let paths = vec![WatchPath::File(path("a.json")), "dir/".parse().unwrap()];
    let mut watch = client(&[&server.url]).watch(&WatchQuery { paths, ..after(7) }).await.unwrap();
    assert!(watch.next().await.unwrap().unwrap().is_heartbeat());
    let asked = server.scripts.watch.requests().remove(0);
    assert_eq!((asked.paths, asked.from_revision), (vec!["a.json".to_owned(), "dir/".to_owned()], 7));
}

#[tokio::test]
async fn a_watch_resumes_from_what_it_has_yielded() {
    let server = ScriptedServer::start().await;
    let scripts = &server.scripts.watch;
    scripts.answer((vec![heartbeat(1), changed(1, 2, "a"), changed(2, 3, "b")], Some(Ok(()))));
    scripts.refuse(to_status(ErrorKind::Unavailable, "not ready", &Details::default()));
    let broken = Some(Err(to_status(ErrorKind::Unavailable, "stopping", &Details::default())));
    scripts.answer((vec![heartbeat(3), changed(1, 3, "b"), changed(3, 4, "c")], broken));
    // A large difference breaks off in the middle and is told again from its beginning.
    scripts.answer((vec![changed(4, 4, "d1")], Some(Ok(()))));
    scripts.answer((vec![changed(4, 4, "d1"), changed(4, 5, "d2")], None));
    let mut watch = client(&[&server.url]).watch(&after(1)).await.unwrap();
    for expected in ["r2 a", "r3 b", "r4 c", "r5 d1 d2"] {
        assert_eq!(next_change(&mut watch).await, expected);
    }
    let asked: Vec<_> = server.scripts.watch.requests().iter().map(|request| request.from_revision).collect();
    assert_eq!(asked, [1, 3, 3, 4, 4]);
}

#[tokio::test]
async fn a_watch_survives_the_restart_of_its_server() {
    let server = ScriptedServer::start().await;
    server.scripts.watch.answer((vec![changed(1, 2, "a")], None));
    let mut watch = client(&[&server.url]).watch(&WatchQuery::default()).await.unwrap();
    assert_eq!(next_change(&mut watch).await, "r2 a");
    let server = server.restart().await;
    server.scripts.watch.answer((vec![changed(2, 3, "b")], None));
    assert_eq!(next_change(&mut watch).await, "r3 b");
    assert_eq!(server.scripts.watch.requests().last().unwrap().from_revision, 2);
}

#[tokio::test]
async fn a_watch_moves_to_the_next_server() {
    let (first, second) = (ScriptedServer::start().await, ScriptedServer::start().await);
    first.scripts.watch.answer((vec![changed(1, 2, "a")], None));
    second.scripts.watch.answer((vec![changed(2, 3, "b")], None));
    let mut watch = client(&[&first.url, &second.url]).watch(&after(1)).await.unwrap();
    assert_eq!(next_change(&mut watch).await, "r2 a");
    first.stop().await;
    assert_eq!(next_change(&mut watch).await, "r3 b");
}

#[tokio::test]
async fn an_error_that_trying_again_cannot_mend_ends_the_watch() {
    let server = ScriptedServer::start().await;
    let unknown = || to_status(ErrorKind::NotFound, "r9 does not exist", &Details::default());
    server.scripts.watch.answer((vec![changed(1, 2, "a")], Some(Err(unknown()))));
    let watch = client(&[&server.url]).watch(&after(1)).await.unwrap();
    let items: Vec<_> = watch.into_stream().collect().await;
    assert_eq!(told(items[0].as_ref().unwrap()), (2, vec!["a"]));
    assert_eq!(items[1].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(items.len(), 2);

    server.scripts.watch.refuse(unknown());
    assert_eq!(client(&[&server.url]).watch(&after(9)).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_reader_that_gives_up_waiting_loses_nothing() {
    let server = ScriptedServer::start().await;
    server.scripts.watch.answer((vec![changed(1, 2, "a")], Some(Ok(()))));
    server.scripts.watch.answer((vec![changed(2, 3, "b")], None));
    let mut watch = client(&[&server.url]).watch(&after(1)).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        // Polled once and dropped, again and again: each wait is cut short at some point of its way.
        let next = watch.next();
        tokio::select! {
            biased;
            update = next => seen.push(told(&update.unwrap().unwrap()).0),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(seen, [2, 3]);
}
