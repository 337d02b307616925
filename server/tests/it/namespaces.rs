//! Namespaces that come and go while the server runs.

use crate::harness::{TestServer, put, request};
use configbus_hooks::ValidatorSettings;
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

async fn files(server: &TestServer, list: v1::ListRequest) -> Vec<String> {
    let (mut files, mut token) = (Vec::new(), String::new());
    loop {
        let page = v1::ListRequest { page_token: token, ..list.clone() };
        let page = server.config().await.list(page).await.unwrap().into_inner();
        files.extend(page.entries.into_iter().map(|entry| entry.path));
        token = page.next_page_token;
        if token.is_empty() {
            return files;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_namespaces_are_one_path_space() {
    let server = TestServer::start().await;
    for path in ["a.json", "trafficker.json", "z.json"] {
        server.put(path, "1").await;
    }
    create(&server, "traffic", "").await.unwrap();
    create(&server, "europe", "traffic/eu").await.unwrap();
    create(&server, "empty", "nothing/here").await.unwrap();
    let head = server.put("traffic/x.json", "1").await;
    assert_eq!((head.namespace.as_str(), head.revision), ("traffic", 1));
    let head = server.put("traffic/eu/y.json", "2").await;
    assert_eq!((head.namespace.as_str(), head.revision), ("europe", 1));
    server.put("traffic/z.json", "3").await;
    assert_eq!(server.get("traffic/eu/y.json").await.as_deref(), Some("2"));
    let all = [
        ".configbus/mounts.json",
        "a.json",
        "traffic/eu/y.json",
        "traffic/x.json",
        "traffic/z.json",
        "trafficker.json",
        "z.json",
    ];
    for page_size in [0, 1, 2, 3] {
        let list = v1::ListRequest { recursive: true, page_size, ..v1::ListRequest::default() };
        assert_eq!(files(&server, list).await, all, "in pages of {page_size}");
        let list = v1::ListRequest { page_size, ..v1::ListRequest::default() };
        assert_eq!(files(&server, list).await, [".configbus", "a.json", "traffic", "trafficker.json", "z.json"]);
        let list = v1::ListRequest { prefix: "traffic/".into(), page_size, ..v1::ListRequest::default() };
        assert_eq!(files(&server, list).await, ["traffic/eu", "traffic/x.json", "traffic/z.json"]);
    }
    let log = v1::LogRequest { path: "traffic/x.json".into(), ..v1::LogRequest::default() };
    let log = server.config().await.log(log).await.unwrap().into_inner();
    assert_eq!((log.commits.len(), log.head.unwrap().namespace.as_str()), (1, "traffic"));
    let restore = v1::RevertRequest {
        what: Some(v1::revert_request::What::Undo(v1::At { at: Some(v1::at::At::Revision(2)) })),
        paths: vec!["traffic/".into()],
        ..v1::RevertRequest::default()
    };
    let undone = server.config().await.revert(restore).await.unwrap().into_inner();
    let head = undone.head.unwrap();
    assert_eq!((head.namespace.as_str(), head.revision), ("traffic", 3));
    assert_eq!(undone.changes[0].path, "traffic/z.json");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_over_two_namespaces_and_files_at_a_mount_are_refused() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    create(&server, "traffic", "").await.unwrap();
    let both = request([put("a.json", "2"), put("traffic/b.json", "2")]);
    let refused = server.config().await.compare_and_set(both).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let text = refused.message();
    assert!(text.starts_with("a.json is in the namespace main, traffic/b.json in traffic"), "{text}");
    assert_eq!(server.get("a.json").await.as_deref(), Some("1"));
    let clone = server.clone_main("a");
    clone.commit("traffic/b.json", "1");
    clone.push_main().expect_refused("the namespace traffic is mounted; push to /git/traffic.git");
    let mounts = server.config().await.compare_and_set(request([put(".configbus/mounts.json", "{}")])).await;
    assert!(mounts.unwrap_err().message().contains("refused by validation"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_the_path_space_hears_of_every_namespace_and_of_new_ones() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    create(&server, "traffic", "").await.unwrap();
    let mut watch = server.config().await.watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    // Two namespaces say where they are.
    for _ in 0..2 {
        assert!(watch.message().await.unwrap().unwrap().changes.is_empty());
    }
    server.put("traffic/x.json", "1").await;
    server.put("a.json", "2").await;
    create(&server, "ads", "").await.unwrap();
    server.put("ads/y.json", "1").await;
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 4 {
        let update = watch.message().await.unwrap().unwrap();
        let head = update.head.unwrap();
        told.extend(update.changes.iter().map(|change| format!("{} {}", head.namespace, change.path)));
    }
    let expected = ["ads ads/y.json", "main .configbus/mounts.json", "main a.json", "traffic traffic/x.json"];
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_checks_are_all_stuck_leaves_the_others_working() {
    let folder = tempfile::tempdir().unwrap();
    let (script, started, go_on) =
        (folder.path().join("validator"), folder.path().join("started"), folder.path().join("go-on"));
    let text = format!("touch {}; until [ -e {} ]; do sleep 0.05; done", started.display(), go_on.display());
    std::fs::write(&script, text).unwrap();
    let settings = serde_json::json!({
        "name": "stuck", "command": ["/bin/sh", script], "files": ["stuck/*"], "isolation": "none", "time_limit_ms": 60_000,
    });
    let validator: ValidatorSettings = serde_json::from_value(settings).unwrap();
    let server = TestServer::start_with(|settings| settings.validators = vec![validator]).await;
    create(&server, "traffic", "").await.unwrap();
    let stuck = futures_util::future::join_all((0..12).map(|number| {
        let edit = put(&format!("traffic/stuck/{number}"), "1");
        let server = &server;
        async move { server.config().await.compare_and_set(request([edit])).await.unwrap() }
    }));
    let others = async {
        while !started.exists() {
            tokio::task::yield_now().await;
        }
        for number in 0..20 {
            server.put(&format!("{number}.json"), "1").await;
        }
        for number in 0..12 {
            assert_eq!(server.get(&format!("traffic/stuck/{number}")).await, None);
        }
        std::fs::write(&go_on, "").unwrap();
    };
    tokio::join!(stuck, others);
    assert_eq!(server.get("traffic/stuck/11").await.as_deref(), Some("1"));
    server.stop().await;
}
