//! The store's port beside subscriptions.

use crate::bench::Bench;
use configbus_model::{CommitId, ErrorKind, Head};
use configbus_proto::{
    status::kind_of,
    v1::{self, distribution_client::DistributionClient},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Asks over HTTP/1.1, as a probe does.
async fn get(url: &str, path: &str) -> String {
    let addr = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn channel(bench: &Bench) -> Channel {
    Channel::from_shared(bench.url().to_owned()).unwrap().connect().await.unwrap()
}

async fn pack(bench: &Bench, namespace: &str, from: CommitId, to: CommitId) -> Result<Vec<u8>, tonic::Status> {
    let request = v1::PackRequest { namespace: namespace.into(), from: from.to_string(), to: to.to_string() };
    let mut stream = DistributionClient::new(channel(bench).await).pack(request).await?.into_inner();
    let mut content = Vec::new();
    while let Some(piece) = stream.message().await? {
        content.extend_from_slice(&piece.data);
    }
    Ok(content)
}

#[tokio::test]
async fn probes_and_metrics_are_answered_on_the_grpc_port() {
    configbus_runtime::telemetry::init_metrics();
    let mut bench = Bench::without_store().await;
    bench.server.pause().await;
    bench.start_store().await;
    assert!(get(bench.url(), "/healthz").await.starts_with("HTTP/1.1 200"));
    let unready = get(bench.url(), "/readyz").await;
    assert!(unready.starts_with("HTTP/1.1 503") && unready.contains("no revision is mirrored yet"), "{unready}");
    let mut health = HealthClient::new(channel(&bench).await);
    let request = HealthCheckRequest { service: "configbus.v1.Distribution".into() };
    let status = health.check(request.clone()).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);

    bench.server.resume().await;
    let head = bench.land(&[("a.json", "1")]).await;
    bench.store_reaches(&head).await;
    bench.store_is_ready().await;
    assert!(get(bench.url(), "/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get(bench.url(), "/metrics").await;
    for name in ["configbus_store_revision", "configbus_store_repairs_total", "configbus_store_fetch_seconds"] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    let mut watched = health.watch(request).await.unwrap().into_inner();
    while watched.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    bench.stop().await;
}

#[tokio::test]
async fn packs_are_made_for_those_who_follow_this_store() {
    let bench = Bench::start().await;
    let first = bench.land(&[("a.json", "1")]).await;
    let second = bench.land(&[("a.json", "2")]).await;
    bench.store_reaches(&second).await;
    assert!(pack(&bench, "main", first.commit, second.commit).await.unwrap().starts_with(b"PACK"));
    let unknown = CommitId::from_bytes([9; 20]);
    for (namespace, from, to) in
        [("main", unknown, second.commit), ("main", first.commit, unknown), ("x", unknown, unknown)]
    {
        let error = pack(&bench, namespace, from, to).await.unwrap_err();
        assert_eq!(kind_of(&error), ErrorKind::NotFound, "{error}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn members_are_told_to_those_who_look_for_a_store() {
    let bench = Bench::start().await;
    let Head { commit, .. } = bench.land(&[("a.json", "1")]).await;
    let mut client = DistributionClient::new(channel(&bench).await);
    let find = async {
        loop {
            let members = client.members(v1::MembersRequest {}).await.unwrap().into_inner().members;
            if members.iter().any(|member| member.heads.iter().any(|head| head.commit == commit.to_string())) {
                return members;
            }
            tokio::task::yield_now().await;
        }
    };
    let members = tokio::time::timeout(crate::agent::DEADLINE, find).await.unwrap();
    assert_eq!((members.len(), members[0].id.as_str(), members[0].url.as_str()), (1, "store-1", bench.url()));
    bench.stop().await;
}
