//! Reading the past through gRPC: points in history, pages of it, and the origin of lines.

use crate::harness::{TestServer, put, request};
use configbus_model::ErrorKind;
use configbus_proto::status::kind_of;
use configbus_proto::v1;

fn at(at: v1::at::At) -> Option<v1::At> {
    Some(v1::At { at: Some(at) })
}

async fn get(server: &TestServer, at: Option<v1::At>) -> Result<String, tonic::Status> {
    let request = v1::GetRequest { path: "a.json".into(), at, revision: 0 };
    let answer = server.config().await.get(request).await?.into_inner();
    Ok(String::from_utf8(answer.content.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_read_by_revision_time_and_commit() {
    use v1::at::At::{Commit, Revision, TimeMs};
    let server = TestServer::start().await;
    let first = server.put("a.json", "1").await;
    let second = server.put("a.json", "2").await;
    assert_eq!(get(&server, at(Revision(1))).await.unwrap(), "1");
    assert_eq!(get(&server, at(Commit(first.commit.clone()))).await.unwrap(), "1");
    assert_eq!(get(&server, at(TimeMs(second.time_ms))).await.unwrap(), "2");
    assert_eq!(get(&server, at(TimeMs(u64::MAX))).await.unwrap(), "2");
    for (point, kind) in [
        (Revision(3), ErrorKind::NotFound),
        (TimeMs(first.time_ms - 1), ErrorKind::NotFound),
        (Commit("e".repeat(40)), ErrorKind::NotFound),
        (Commit(first.tree.clone()), ErrorKind::NotFound),
        (Commit("12".into()), ErrorKind::Invalid),
    ] {
        let error = get(&server, at(point.clone())).await.unwrap_err();
        assert_eq!(kind_of(&error), kind, "{point:?}: {error}");
    }
    let both = v1::GetRequest { path: "a.json".into(), at: at(Revision(1)), revision: 1 };
    assert_eq!(kind_of(&server.config().await.get(both).await.unwrap_err()), ErrorKind::Invalid);
    let difference = v1::DiffRequest { from: at(Commit(first.commit)), to: at(Revision(2)), ..Default::default() };
    let difference = server.config().await.diff(difference).await.unwrap().into_inner();
    assert_eq!((difference.from.unwrap().revision, difference.changes.len()), (1, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_history_fit_together_and_ranges_bound_them() {
    let server = TestServer::start().await;
    for round in 0..6 {
        server.put(if round % 2 == 0 { "a.json" } else { "b.json" }, &round.to_string()).await;
    }
    let page = async |path: &str, since: u64, page_token: String| {
        let since = at(v1::at::At::Revision(since)).filter(|_| since > 0);
        let request = v1::LogRequest { path: path.into(), since, limit: 2, page_token, ..Default::default() };
        let page = server.config().await.log(request).await.unwrap().into_inner();
        let revisions: Vec<u64> = page.commits.iter().map(|commit| commit.revision).collect();
        (revisions, page.next_page_token)
    };
    for (path, since, expected) in [
        ("", 0, vec![vec![6, 5], vec![4, 3], vec![2, 1]]),
        ("", 3, vec![vec![6, 5], vec![4]]),
        ("a.json", 0, vec![vec![5, 3], vec![1]]),
        ("a.json", 3, vec![vec![5]]),
    ] {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let (revisions, next) = page(path, since, token).await;
            pages.push(revisions);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, expected, "{path} since {since}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_know_who_wrote_them_and_what_brought_them() {
    let server = TestServer::start().await;
    server.put("a.txt", "one\ntwo\n").await;
    let clone = server.clone_main("a");
    clone.commit("a.txt", "one\n2\n");
    server.put("b.txt", "x").await;
    clone.push_main().expect_ok();
    let ask = async |request: v1::BlameRequest| server.config().await.blame(request).await.map(|a| a.into_inner());
    let request = |path: &str| v1::BlameRequest { path: path.into(), ..Default::default() };
    let blame = ask(request("a.txt")).await.unwrap();
    let told: Vec<_> = blame.spans.iter().map(|span| (span.first_line, &blame.commits[span.commit as usize])).collect();
    assert_eq!((told[0].0, told[0].1.revision), (1, 1));
    // The commit came with a push that was merged: it is no revision itself, the merge is.
    assert_eq!((told[1].0, told[1].1.revision, told[1].1.author.as_str()), (2, 3, "ada <ada@example.com>"));
    assert_eq!((blame.lines_total, blame.content.as_ref()), (2, b"one\n2\n".as_ref()));
    let second = ask(v1::BlameRequest { first_line: 2, line_count: 1, ..request("a.txt") }).await.unwrap();
    assert_eq!((second.spans.len(), second.content.as_ref()), (1, b"2\n".as_ref()));
    server.config().await.compare_and_set(self::request([put("empty.txt", "")])).await.unwrap();
    assert!(ask(request("empty.txt")).await.unwrap().spans.is_empty());
    for (request, kind) in [
        (request("nothing.txt"), ErrorKind::NotFound),
        (v1::BlameRequest { first_line: 3, ..request("a.txt") }, ErrorKind::Invalid),
        (request("-L1"), ErrorKind::NotFound),
    ] {
        assert_eq!(kind_of(&ask(request.clone()).await.unwrap_err()), kind, "{request:?}");
    }
    server.stop().await;
}
