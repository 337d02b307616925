//! Reports of stores, and who waits for them.

use crate::harness::TestServer;
use configbus_proto::v1;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

fn host(name: &str, head: &v1::Head) -> v1::HostStatus {
    v1::HostStatus {
        host: name.into(),
        incarnation: "1".into(),
        store: "store-1".into(),
        applied: vec![head.clone()],
        connected: true,
        ..v1::HostStatus::default()
    }
}

fn report(hosts: Vec<v1::HostStatus>) -> v1::ReportRequest {
    v1::ReportRequest { store: "store-1".into(), hosts, gone: Vec::new() }
}

fn wait_for(revision: u64) -> v1::WaitRequest {
    v1::WaitRequest { revision, timeout_ms: 20_000, ..v1::WaitRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_every_host_has_applied_and_a_lost_store_takes_its_hosts_along() {
    let server = TestServer::start().await;
    let first = server.put("a.json", "1").await;
    let (sender, receiver) = mpsc::channel(4);
    let mut store = server.fleet().await;
    let (reported, ()) = tokio::join!(store.report(ReceiverStream::new(receiver)), async {
        sender.send(report(vec![host("h1", &first), host("h2", &first)])).await.unwrap();
        let mut fleet = server.fleet().await;
        assert!(fleet.wait(wait_for(1)).await.unwrap().into_inner().reached);

        let second = server.put("a.json", "2").await;
        sender.send(report(vec![host("h1", &second)])).await.unwrap();
        let half = v1::WaitRequest { percent: 50.0, ..wait_for(2) };
        assert!(fleet.wait(half).await.unwrap().into_inner().reached);
        let late = fleet.wait(v1::WaitRequest { timeout_ms: 1, ..wait_for(2) }).await.unwrap().into_inner();
        assert_eq!((late.reached, late.hosts_applied, late.hosts_total), (false, 1, 2));
        assert_eq!(late.behind[0].host, "h2");
        let behind = fleet.hosts(v1::HostsRequest { behind_only: true }).await.unwrap().into_inner();
        assert_eq!(behind.hosts.iter().map(|host| host.host.as_str()).collect::<Vec<_>>(), ["h2"]);
        drop(sender);
    });
    reported.unwrap();
    let status = server.fleet().await.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    assert_eq!((status.hosts_total, status.hosts_connected), (2, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_head_and_coordination_and_an_empty_server_has_no_head() {
    let server = TestServer::start().await;
    let mut fleet = server.fleet().await;
    let status = fleet.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(
        (status.heads.len(), status.coordination.as_str(), status.coordination_connected),
        (0, "embedded", true)
    );
    let head = server.put("a.json", "1").await;
    let status = fleet.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(status.heads, [head]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_is_let_go_when_the_server_stops() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    let mut fleet = server.fleet().await;
    let (answer, stopped) =
        tokio::join!(fleet.wait(wait_for(1)), tokio::time::timeout(Duration::from_secs(15), server.stop()));
    assert!(stopped.is_ok());
    assert!(answer.is_err());
}
