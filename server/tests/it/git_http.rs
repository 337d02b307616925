//! The protocol around Git's own.

use crate::harness::{TestServer, git};
use std::process::Command;

fn fetch(url: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_namespace_is_named_together_with_the_right_one() {
    let server = TestServer::start().await;
    let url = format!("{}/git/nope.git", server.url);
    let run = git(server.folder.path(), &["ls-remote", &url]).expect_refused("namespace \"nope\" does not exist");
    assert!(run.stderr.contains("/git/main.git"), "{}", run.stderr);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_repository_are_not_served() {
    let server = TestServer::start().await;
    for path in ["info/refs", "HEAD", "objects/info/packs", "config"] {
        let (status, text) = fetch(&format!("{}/git/main.git/{path}", server.url));
        assert_eq!((status, text.contains("smart protocol only")), (403, true), "{path}: {text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_version_reads_and_shallow_and_partial_clones_work() {
    let server = TestServer::start().await;
    let head = server.put("a.json", "1").await.commit;
    server.put("a.json", "2").await;
    let url = format!("{}/git/main.git", server.url);
    for version in ["0", "1", "2"] {
        let option = format!("protocol.version={version}");
        let run = git(server.folder.path(), &["-c", &option, "ls-remote", &url, "refs/heads/main"]).expect_ok();
        assert!(run.stdout.contains("refs/heads/main"), "{version}: {}", run.stdout);
    }
    git(server.folder.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]).expect_ok();
    git(server.folder.path(), &["clone", "-q", "--filter=blob:none", &url, "partial"]).expect_ok();
    let old = git(&server.folder.path().join("partial"), &["show", &format!("{head}:a.json")]).expect_ok();
    assert_eq!(old.stdout, "1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_and_chunked_bodies_are_understood() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("a");
    // Git offers the youngest commits first, 16 and then 32 at a time, and compresses what is over 1 KiB. Commits from the
    // future keep the common one out of the first offer, whatever second it is now.
    for round in 0..40 {
        let message = format!("local {round}");
        let commit = clone.git_dated("2099-01-01T00:00:00Z", &["commit", "-q", "--allow-empty", "-m", &message]);
        commit.expect_ok();
    }
    server.put("seed.json", "2").await;
    let fetch = Command::new("git").args(["fetch", "-q"]).current_dir(&clone.path).env("GIT_TRACE_CURL", "1").output();
    let fetch = fetch.unwrap();
    let trace = String::from_utf8_lossy(&fetch.stderr).to_lowercase();
    assert!(fetch.status.success() && trace.contains("content-encoding: gzip"), "{trace}");
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = (0..300_000).map(|_| random.u8(..)).collect();
    std::fs::write(clone.path.join("noise.bin"), noise).unwrap();
    clone.commit("a.json", "1");
    clone.git(&["-c", "http.postBuffer=65536", "push", "origin", "HEAD:refs/heads/main"]).expect_ok();
    assert_eq!(server.get("a.json").await.as_deref(), Some("1"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushing_client_is_told_what_to_build_on_and_not_where_main_is() {
    let server = TestServer::start().await;
    let first = server.put("a.json", "1").await.commit;
    let second = server.put("a.json", "2").await.commit;
    let (_, refs) = fetch(&format!("{}/git/main.git/info/refs?service=git-receive-pack", server.url));
    assert!(!refs.contains("refs/heads/main"), "{refs}");
    assert!(refs.contains(&format!("{first} .have")) && refs.contains(&format!("{second} .have")), "{refs}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_over_the_bound_is_refused_and_the_client_reads_why() {
    let server = TestServer::start_with(|settings| settings.limits.push_bytes_max = 100_000).await;
    let clone = server.clone_main("large");
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = (0..3_000_000).map(|_| random.u8(..)).collect();
    std::fs::write(clone.path.join("noise.bin"), noise).unwrap();
    clone.commit("a.json", "1");
    clone.push_main().expect_refused("pack exceeds maximum allowed size");
    assert_eq!(server.get("a.json").await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_hosts_and_unknown_paths_are_told_apart() {
    let server = TestServer::start().await;
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let rebound = agent.get(&server.url).header("host", "evil.example").call().unwrap();
    assert_eq!(rebound.status(), 421);
    let page = format!("{}/v1/files/a.json", server.url);
    let foreign = agent.put(&page).header("origin", "http://evil.example").send("1").unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(fetch(&format!("{}/nope", server.url)).0, 404);
    assert_eq!(fetch(&server.url).0, 200);
    assert_eq!(server.get("a.json").await, None);
    server.stop().await;
}
