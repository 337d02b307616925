//! What stores ask a server for.

use crate::harness::{TestServer, git};
use configbus_model::ErrorKind;
use configbus_proto::status::kind_of;
use configbus_proto::v1;

fn pack_request(from: &str, to: &str) -> v1::PackRequest {
    v1::PackRequest { namespace: "main".into(), from: from.into(), to: to.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_brings_a_mirror_to_the_head() {
    let server = TestServer::start().await;
    let first = server.put("a.json", "1").await.commit;
    let url = format!("{}/git/main.git", server.url);
    git(server.folder.path(), &["clone", "-q", "--bare", &url, "mirror"]).expect_ok();
    let second = server.put("a.json", "2").await.commit;
    let mut chunks = server.distribution().await.pack(pack_request(&first, &second)).await.unwrap().into_inner();
    let mut pack = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        pack.extend_from_slice(&chunk.data);
    }
    let mirror = server.folder.path().join("mirror");
    std::fs::write(mirror.join("new.pack"), &pack).unwrap();
    git(&mirror, &["index-pack", "-o", "objects/pack/pack-new.idx", "new.pack"]).expect_ok();
    std::fs::rename(mirror.join("new.pack"), mirror.join("objects/pack/pack-new.pack")).unwrap();
    assert_eq!(git(&mirror, &["show", &format!("{second}:a.json")]).expect_ok().stdout, "2");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_on_main_is_handed_out() {
    let server = TestServer::start().await;
    let first = server.put("a.json", "1").await.commit;
    let clone = server.clone_main("a");
    clone.commit("b.json", "1");
    clone.git(&["push", "origin", "HEAD:refs/heads/side"]).expect_ok();
    let unknown = "1".repeat(40);
    let mut distribution = server.distribution().await;
    for (from, to) in [(&first, &clone.head()), (&unknown, &first), (&first, &unknown)] {
        let error = distribution.pack(pack_request(from, to)).await.unwrap_err();
        assert_eq!(kind_of(&error), ErrorKind::NotFound, "{error}");
    }
    let error = distribution.pack(pack_request("x", &first)).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Invalid);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_subscribes_here_is_sent_to_a_store() {
    let server = TestServer::start().await;
    let nothing = futures_util::stream::pending::<v1::SubscribeRequest>();
    let error = server.distribution().await.subscribe(nothing).await.unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::Unsupported);
    server.stop().await;
}
