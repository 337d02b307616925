//! What the server is told of hosts.

use crate::{
    agent::{Agent, DEADLINE, Disk, hello},
    bench::Bench,
};
use configbus_proto::v1::{self, acknowledgement::State};
use tokio::sync::watch;

type Reports = watch::Receiver<Vec<Vec<v1::ReportRequest>>>;

/// Waits until the stream with this number has a report that is as wanted.
async fn check_reported(mut reports: Reports, stream: usize, wanted: impl Fn(&v1::ReportRequest) -> bool) {
    let found = reports.wait_for(|streams| streams.get(stream).is_some_and(|all| all.iter().any(&wanted)));
    tokio::time::timeout(DEADLINE, found).await.expect("it is reported").unwrap();
}

fn host(report: &v1::ReportRequest, says: impl Fn(&v1::HostStatus) -> bool) -> bool {
    report.store == "store-1" && report.hosts.iter().any(says)
}

#[tokio::test]
async fn the_server_hears_what_a_host_applied_refused_and_that_it_left() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    let mut agent = bench.subscribe("h").await;
    agent.reach(&first).await;
    let tree = first.tree.to_string();
    let applied = |status: &v1::HostStatus| {
        let held = status.applied.first().is_some_and(|head| head.revision == 1);
        status.connected && held && status.effective_tree == tree && status.labels["zone"] == "a"
    };
    check_reported(bench.server.reports(), 0, |report| host(report, applied)).await;

    let second = bench.land(&[("a.json", "2")]).await;
    agent.update().await;
    agent.answer(State::Refused, &second, "disk full").await;
    let refused = |status: &v1::HostStatus| {
        let reason = status.refusals.first().map(|refusal| refusal.reason.as_str());
        reason == Some("disk full") && status.applied[0].revision == 1
    };
    check_reported(bench.server.reports(), 0, |report| host(report, refused)).await;
    drop(agent);
    check_reported(bench.server.reports(), 0, |report| host(report, |status| !status.connected)).await;
    bench.stop().await;
}

#[tokio::test]
async fn after_the_server_was_away_it_is_told_everything_anew() {
    let mut bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    let mut agents = Vec::new();
    for name in ["h1", "h2"] {
        let mut agent = bench.subscribe(name).await;
        agent.reach(&head).await;
        agents.push(agent);
    }
    check_reported(bench.server.reports(), 0, |report| report.hosts.iter().any(|status| status.host == "h2")).await;
    bench.server.pause().await;
    let streams = bench.server.reports().borrow().len();
    bench.server.resume().await;
    let mut reports = bench.server.reports();
    let first = reports.wait_for(|all| all.get(streams).is_some_and(|stream| !stream.is_empty()));
    let first = tokio::time::timeout(DEADLINE, first).await.unwrap().unwrap()[streams][0].clone();
    let mut hosts: Vec<_> = first.hosts.iter().map(|status| status.host.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["h1", "h2"], "the first message of a stream holds all of them");
    assert!(first.hosts.iter().all(|status| status.connected && status.applied[0].revision == 1));
    bench.stop().await;
}

#[tokio::test]
async fn a_store_without_hosts_says_so() {
    let bench = Bench::start().await;
    check_reported(bench.server.reports(), 0, |report| report.store == "store-1" && report.hosts.is_empty()).await;
    bench.stop().await;
}

#[tokio::test]
async fn what_a_host_brought_with_it_counts_as_applied() {
    let bench = Bench::start().await;
    let head = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&head).await;
    let held = Disk::holding(head.clone());
    let mut agent = Agent::greet(bench.url(), hello("h", Some(&head)), held).await;
    agent.heartbeat().await;
    let holds =
        |status: &v1::HostStatus| status.applied.first().is_some_and(|held| held.commit == head.commit.to_string());
    check_reported(bench.server.reports(), 0, |report| host(report, holds)).await;
    bench.stop().await;
}
