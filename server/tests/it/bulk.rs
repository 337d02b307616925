//! Many changes over one stream.

use crate::harness::{TestServer, edit, put, request};
use configbus_proto::v1;
use configbus_proto::v1::compare_and_set_stream_response::Outcome;
use configbus_proto::v1::edit::Expected;
use futures_util::{StreamExt as _, stream};

async fn send(server: &TestServer, requests: Vec<v1::CompareAndSetRequest>) -> Vec<Outcome> {
    let mut config = server.config().await;
    let mut answers = config.compare_and_set_stream(stream::iter(requests)).await.unwrap().into_inner();
    let mut outcomes = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        outcomes.push(answer.outcome.unwrap());
    }
    outcomes
}

fn revision(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Landed(landed) => Some(landed.resulting_revision),
        Outcome::Failure(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_in_order_and_a_failure_ends_nothing() {
    let server = TestServer::start().await;
    let mut requests: Vec<_> = (0..200).map(|n| request([put(&format!("dir/{n}.json"), "1")])).collect();
    requests[50] = request([put("broken.json", "{")]);
    requests[100] = request([]);
    let outcomes = send(&server, requests).await;
    assert_eq!(outcomes.len(), 200);
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Landed(landed) => assert_eq!(landed.entries[0].path, format!("dir/{index}.json")),
            Outcome::Failure(failure) => {
                assert!(index == 50 || index == 100, "{index}: {failure:?}");
                assert_eq!(failure.code, i32::from(tonic::Code::InvalidArgument));
                assert!(!failure.status.is_empty() && !failure.message.is_empty());
            }
        }
    }
    assert_eq!(outcomes.iter().filter_map(revision).max(), Some(198));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stream_does_to_a_file_happens_in_its_order() {
    let server = TestServer::start().await;
    // Each one holds only after the one before it.
    let requests = (0..100).map(|n| {
        let expected = if n == 0 { Expected::Absent(v1::Empty {}) } else { Expected::TreeUnchangedSince(n) };
        let expected = if n % 2 == 0 { expected } else { Expected::UnchangedSince(n) };
        request([edit("a.json", expected, Some(&n.to_string()))])
    });
    let outcomes = send(&server, requests.collect()).await;
    assert_eq!(outcomes.iter().map(revision).collect::<Vec<_>>(), (1..=100).map(Some).collect::<Vec<_>>());
    assert_eq!(server.get("a.json").await.as_deref(), Some("99"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answers_keeps_nobody_waiting_and_nothing_it_began_is_lost() {
    let server = TestServer::start().await;
    let many = stream::iter((0..1_000).map(|n| request([put(&format!("bulk/{n}.txt"), &"1".repeat(1_000))])));
    let mut config = server.config().await;
    let answers = config.compare_and_set_stream(many.chain(stream::pending())).await.unwrap().into_inner();
    // The first ones are decided without being read, and others go on meanwhile.
    while server.get("bulk/20.txt").await.is_none() {
        server.put("other.txt", &fastrand::u64(..).to_string()).await;
    }
    server.put("other.txt", "last").await;
    drop(answers);
    server.stop().await;
}
