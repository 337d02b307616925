//! Namespaces that come and go while the server runs.

use crate::harness::TestServer;
use configbus_proto::v1;
use configbus_proto::v1::admin_client::AdminClient;
use tonic::transport::Channel;

async fn admin(server: &TestServer) -> AdminClient<Channel> {
    AdminClient::connect(server.url.clone()).await.unwrap()
}

async fn create(server: &TestServer, name: &str, prefix: &str) -> Result<v1::CreateNamespaceResponse, tonic::Status> {
    let request = v1::CreateNamespaceRequest { name: name.into(), prefix: prefix.into() };
    admin(server).await.create_namespace(request).await.map(tonic::Response::into_inner)
}

async fn delete(server: &TestServer, name: &str) -> Result<v1::DeleteNamespaceResponse, tonic::Status> {
    let request = v1::DeleteNamespaceRequest { name: name.into() };
    admin(server).await.delete_namespace(request).await.map(tonic::Response::into_inner)
}

/// Name, prefix, epoch and revision of each namespace.
async fn listed(server: &TestServer) -> Vec<(String, Option<String>, u64, u64)> {
    let answer = admin(server).await.list_namespaces(v1::ListNamespacesRequest {}).await.unwrap().into_inner();
    let shape = |info: v1::NamespaceInfo| {
        let prefix = info.mounted.then_some(info.prefix);
        (info.name, prefix, info.epoch, info.head.map_or(0, |head| head.revision))
    };
    answer.namespaces.into_iter().map(shape).collect()
}

fn row(name: &str, prefix: &str, epoch: u64, revision: u64) -> (String, Option<String>, u64, u64) {
    (name.into(), Some(prefix.into()), epoch, revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_made_pushed_to_found_after_a_restart_and_deleted() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    assert!(create(&server, "traffic", "").await.unwrap().created);
    assert_eq!(listed(&server).await, [row("main", "", 1, 2), row("traffic", "traffic", 1, 0)]);
    let clone = server.clone_namespace("clone", "traffic");
    clone.commit("limits.json", "1");
    clone.push_main().expect_ok();
    let server = server.restart(|_| {}).await;
    assert_eq!(listed(&server).await, [row("main", "", 1, 2), row("traffic", "traffic", 1, 1)]);
    let deleted = delete(&server, "traffic").await.unwrap();
    assert_eq!(deleted.info.unwrap().head.unwrap().revision, 1);
    assert!(std::path::Path::new(&deleted.kept_at).join("HEAD").exists(), "{}", deleted.kept_at);
    assert_eq!(listed(&server).await, [row("main", "", 1, 3)]);
    assert!(create(&server, "traffic", "other/place").await.unwrap().created);
    let expected = [row("main", "", 1, 4), row("traffic", "other/place", 2, 0)];
    assert_eq!(listed(&server).await, expected);
    let server = server.restart(|_| {}).await;
    assert_eq!(listed(&server).await, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_or_deleted_is_refused_with_what_to_do() {
    let server = TestServer::start().await;
    server.put("traffic/a.json", "1").await;
    let refused = |status: tonic::Status| (status.code(), status.message().to_owned());
    let (code, text) = refused(create(&server, "traffic", "").await.unwrap_err());
    assert!(code == tonic::Code::Aborted && text.contains("configbus namespace split traffic"), "{text}");
    let (_, text) = refused(create(&server, "ads", "traffic/a.json/b").await.unwrap_err());
    assert!(text.starts_with("traffic/a.json is a file of main"), "{text}");
    create(&server, "ads", "").await.unwrap();
    let (_, text) = refused(create(&server, "other", "ads").await.unwrap_err());
    assert_eq!(text, "ads is where ads is mounted already");
    let (_, text) = refused(create(&server, "ads", "elsewhere").await.unwrap_err());
    assert_eq!(text, "ads is mounted at ads already");
    assert_eq!(delete(&server, "main").await.unwrap_err().code(), tonic::Code::InvalidArgument);
    assert_eq!(delete(&server, "nowhere").await.unwrap_err().code(), tonic::Code::NotFound);
    let names: Vec<String> = listed(&server).await.into_iter().map(|row| row.0).collect();
    assert_eq!(names, ["ads", "main"], "what was refused has left nothing behind");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_a_namespace_ends_with_it() {
    let server = TestServer::start().await;
    create(&server, "traffic", "").await.unwrap();
    let request = v1::WatchRequest { namespace: "traffic".into(), ..v1::WatchRequest::default() };
    let mut watch = server.config().await.watch(request).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    delete(&server, "traffic").await.unwrap();
    let ended = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert_eq!(ended.unwrap_err().code(), tonic::Code::NotFound);
    server.stop().await;
}
