//! Directories that become namespaces of their own.

use crate::harness::{TestServer, put, request};
use configbus_proto::v1;
use configbus_proto::v1::admin_client::AdminClient;
use configbus_proto::v1::split_namespace_response::Kind;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

async fn ask(server: &TestServer, prefix: &str, dry_run: bool) -> Result<v1::SplitResult, tonic::Status> {
    let mut admin = AdminClient::connect(server.url.clone()).await.unwrap();
    let request = v1::SplitNamespaceRequest { prefix: prefix.into(), name: String::new(), dry_run };
    let mut answers = admin.split_namespace(request).await?.into_inner();
    loop {
        if let Some(Kind::Result(result)) = answers.message().await?.unwrap().kind {
            return Ok(result);
        }
    }
}

async fn split(server: &TestServer, prefix: &str) -> Result<v1::SplitResult, tonic::Status> {
    ask(server, prefix, false).await
}

/// The files of a clone, with what is in them.
fn files(clone: &Path) -> BTreeMap<String, String> {
    let names = crate::harness::git(clone, &["ls-files"]).stdout;
    let content = |name: &str| std::fs::read_to_string(clone.join(name)).unwrap();
    names.lines().map(|name| (name.to_owned(), content(name))).collect()
}

fn names(files: &BTreeMap<String, String>) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_moves_with_its_history_and_its_policy() {
    let server = TestServer::start().await;
    server.put("ads/web/a.json", "1").await;
    server.put("other.json", "1").await;
    server.put("ads/web/a.json", "2").await;
    server.put(".configbus/owners", "/ads/web/** ann\n/search/** bob\n").await;
    let planned = ask(&server, "ads/web", true).await.unwrap();
    assert_eq!((planned.namespace.as_str(), planned.files, planned.head), ("web", 1, None));
    let done = split(&server, "ads/web/").await.unwrap();
    assert_eq!(done.policy_files, [".configbus/owners"]);
    assert_eq!((done.head.unwrap().revision, done.main_head.unwrap().revision), (3, 5));
    assert_eq!((done.entries_left, done.attempts), (1, 1));
    let main = server.clone_main("main");
    let of_main = files(&main.path);
    assert_eq!(names(&of_main), [".configbus/mounts.json", ".configbus/owners", "other.json"]);
    let since = r#""since": {"#;
    assert!(of_main[".configbus/mounts.json"].contains(since), "{of_main:?}");
    let web = server.clone_namespace("web", "web");
    let of_web = files(&web.path);
    assert_eq!(names(&of_web), [".configbus/owners", "a.json"]);
    assert_eq!((of_web["a.json"].as_str(), of_web[".configbus/owners"].as_str()), ("2", "** ann\n"));
    let subjects = web.git(&["log", "--format=%s"]).stdout;
    let expected = ["Bring the policy of main for ads/web", "Change ads/web/a.json", "Change ads/web/a.json"];
    assert_eq!(subjects.lines().collect::<Vec<_>>(), expected);
    let server = server.restart(|data| assert!(!data.join("splits/web.json").exists())).await;
    assert_eq!(files(&server.clone_namespace("again", "web").path), of_web);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_where_the_directory_was_is_told_where_it_is() {
    let server = TestServer::start().await;
    server.put("ads/a.json", "1").await;
    let (changing, adding) = (server.clone_main("changing"), server.clone_main("adding"));
    split(&server, "ads").await.unwrap();
    changing.commit("ads/a.json", "2");
    adding.commit("ads/b.json", "2");
    for clone in [&changing, &adding] {
        clone.push_main().expect_refused("/git/ads.git");
    }
    let ads = server.clone_namespace("ads", "ads");
    let patch = changing.git(&["format-patch", "--relative=ads", "--stdout", "origin/main.."]).stdout;
    std::fs::write(ads.path.join(".git/patch"), patch).unwrap();
    ads.git(&["am", "-q", "-3", ".git/patch"]).expect_ok();
    ads.push_main().expect_ok();
    assert_eq!(files(&server.clone_namespace("again", "ads").path)["a.json"], "2");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_listed_and_nothing_is_done() {
    let server = TestServer::start().await;
    server.put("ads/a.json", "1").await;
    server.put("ads/note", "1").await;
    let rule = "- files: '*.json'\n  rule: path != ''\n  message: m\n";
    let before = server.put(".configbus/rules.yaml", rule).await;
    let status = split(&server, "ads").await.unwrap_err();
    assert!(status.message().contains("1 entry of the policy cannot be written for ads alone"), "{status:?}");
    for (prefix, text) in [("nowhere", "there is nothing at nowhere"), ("ads/note", "is a file"), ("../x", "..")] {
        let status = split(&server, prefix).await.unwrap_err();
        assert!(status.message().contains(text), "{status:?}");
    }
    let head = server.put("other.json", "1").await;
    assert_eq!(head.revision, before.revision + 1);
    assert_eq!(server.get("ads/a.json").await.as_deref(), Some("1"));
    let server = server.restart(|data| assert!(!data.join("namespaces/ads.git").exists())).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_while_a_directory_moves() {
    let server = TestServer::start().await;
    for writer in 0..4 {
        server.put(&format!("ads/{writer}.json"), "0").await;
    }
    let done = AtomicBool::new(false);
    let splitting = async {
        let result = split(&server, "ads").await.unwrap();
        done.store(true, Ordering::SeqCst);
        result
    };
    let writers = (0..4).map(|writer| write(&server, writer, &done));
    let (result, acknowledged) = tokio::join!(splitting, join_all(writers));
    assert!(result.held_ms < 1_000, "main was held for {} ms", result.held_ms);
    let (main, ads) = (files(&server.clone_main("main").path), files(&server.clone_namespace("ads", "ads").path));
    assert!(main.keys().all(|path| !path.starts_with("ads/")), "{main:?}");
    for (writer, (in_ads, in_main)) in acknowledged.into_iter().enumerate() {
        assert_eq!(ads[&format!("{writer}.json")], in_ads.to_string());
        assert_eq!(main[&format!("other/{writer}.json")], in_main.to_string());
    }
    server.stop().await;
}

/// Writes a file in the directory and one elsewhere, in turn, until the directory has moved. Returns what was acknowledged
/// last of each.
async fn write(server: &TestServer, writer: usize, done: &AtomicBool) -> (u64, u64) {
    let mut config = server.config().await;
    let (mut in_ads, mut in_main, mut is_there) = (0, 0, true);
    for number in 1.. {
        if is_there {
            let edit = put(&format!("ads/{writer}.json"), &number.to_string());
            match config.compare_and_set(request([edit])).await {
                Ok(_) => in_ads = number,
                Err(_) => is_there = false,
            }
        }
        config.compare_and_set(request([put(&format!("other/{writer}.json"), &number.to_string())])).await.unwrap();
        in_main = number;
        if done.load(Ordering::SeqCst) {
            break;
        }
    }
    (in_ads, in_main)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_a_kill_cut_short_is_cleared_and_one_that_landed_is_finished() {
    let server = TestServer::start().await;
    server.put("ads/a.json", "1").await;
    server.put("web/a.json", "1").await;
    split(&server, "ads").await.unwrap();
    let note = |name: &str| format!(r#"{{"namespace":"{name}","prefix":"{name}"}}"#);
    let server = server
        .restart(|data| {
            // Killed after `main` had mounted it, and before the note went.
            std::fs::write(data.join("splits/ads.json"), note("ads")).unwrap();
            // Killed before `main` had, with the copy in its place, and another in the making.
            std::fs::write(data.join("splits/web.json"), note("web")).unwrap();
            std::fs::create_dir_all(data.join("splits/late.git/objects")).unwrap();
            std::fs::write(data.join("splits/late.tmp"), "").unwrap();
            let (from, to) = (data.join("namespaces/ads.git"), data.join("namespaces/web.git"));
            let copied = std::process::Command::new("cp").arg("-r").args([from, to]).status().unwrap();
            assert!(copied.success());
        })
        .await;
    let data = server.folder.path().join("data");
    assert_eq!(std::fs::read_dir(data.join("splits")).unwrap().count(), 0);
    assert!(data.join("namespaces/ads.git").exists() && !data.join("namespaces/web.git").exists());
    assert_eq!(names(&files(&server.clone_namespace("ads", "ads").path)), ["a.json"]);
    assert_eq!(server.get("web/a.json").await.as_deref(), Some("1"));
    split(&server, "web").await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_or_a_place_of_another_namespace_is_refused() {
    let server = TestServer::start().await;
    server.put("a/x/f.json", "1").await;
    server.put("b/x/f.json", "1").await;
    split(&server, "a/x").await.unwrap();
    for (prefix, text) in [("b/x", "x is mounted at a/x already"), ("a/x", "a/x is the namespace x already")] {
        let status = split(&server, prefix).await.unwrap_err();
        assert!(status.code() == tonic::Code::Aborted && status.message().contains(text), "{status:?}");
    }
    let status = split(&server, "a/x/deep").await.unwrap_err();
    assert!(status.message().contains("belongs to the namespace x"), "{status:?}");
    server.stop().await;
}
