//! What a new server finds on an old folder.

use crate::harness::TestServer;
use configbus_server::{Server, Settings};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_is_there_and_leftovers_are_gone() {
    let server = TestServer::start().await;
    let head = server.put("a.json", "1").await;
    let planted = [
        "namespaces/main.git/refs/heads/main.lock",
        "namespaces/main.git/objects/pack/tmp_pack_abc",
        "namespaces/main.git/objects/tmp_objdir-incoming-abc/x",
        "run/hook-old.sock",
        "hooks/update",
    ];
    let server = server
        .restart(|data| {
            for path in planted {
                fs::create_dir_all(data.join(path).parent().unwrap()).unwrap();
                fs::write(data.join(path), "left").unwrap();
            }
        })
        .await;
    for path in planted {
        assert!(!server.folder.path().join("data").join(path).exists(), "{path}");
    }
    let clone = server.clone_main("a");
    assert_eq!(clone.head(), head.commit);
    clone.commit("a.json", "2");
    clone.push_main().expect_ok();
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_folder_is_refused_and_harms_nothing() {
    let server = TestServer::start().await;
    server.put("a.json", "1").await;
    let second = Settings {
        data: server.folder.path().join("data"),
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Settings::default()
    };
    let error = Server::build(second).await.err().unwrap();
    assert!(error.to_string().starts_with("cannot lock the data folder"), "{error}");
    let clone = server.clone_main("a");
    clone.commit("a.json", "2");
    clone.push_main().expect_ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_server_without_saying_so_does_not_start() {
    let open = Settings { listen: "0.0.0.0:0".parse().unwrap(), ..Settings::default() };
    let error = Server::build(open).await.err().unwrap();
    assert!(error.to_string().contains("auth = \"none\""), "{error}");
}
