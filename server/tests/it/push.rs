//! Pushes of stock Git.

use crate::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_onto_the_head_moves_the_tracking_branch() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    let run = clone.push_main().expect_ok();
    assert!(run.stderr.contains("landed as r1 on main"), "{}", run.stderr);
    clone.commit("a.json", "2");
    assert!(clone.push_main().expect_ok().stderr.contains("landed as r2 on main"));
    assert_eq!(clone.git(&["rev-parse", "origin/main"]).stdout.trim(), clone.head());
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_push_is_merged_and_leaves_the_tracking_branch_alone() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("stale");
    let before = clone.head();
    server.put("other.json", "1").await;
    clone.commit("mine.json", "1");
    let own = clone.head();
    assert!(clone.push_main().expect_ok().stderr.contains("landed as r3 on main"));
    assert_eq!(clone.git(&["rev-parse", "origin/main"]).stdout.trim(), before);
    clone.git(&["pull", "-q", "--ff-only", "origin", "main"]).expect_ok();
    assert_eq!(clone.git(&["rev-parse", "HEAD^2"]).stdout.trim(), own);
    assert_eq!(server.get("other.json").await.as_deref(), Some("1"));
    assert_eq!(server.get("mine.json").await.as_deref(), Some("1"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refs_for_main_lands_and_a_push_made_twice_is_no_error() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    clone.git(&["push", "-o", "reason=first", "origin", "HEAD:refs/for/main"]).expect_ok();
    assert_eq!(server.get("a.json").await.as_deref(), Some("1"));
    assert!(clone.push_main().expect_ok().stderr.contains("already r1 on main"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_take_main_back_or_away_is_refused() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    clone.commit("a.json", "2");
    clone.push_main().expect_ok();
    clone.git(&["push", "-f", "origin", "HEAD~1:refs/heads/main"]).expect_refused("nothing new");
    clone.git(&["push", "origin", ":refs/heads/main"]).expect_refused("cannot be deleted");
    clone.git(&["checkout", "-q", "--orphan", "other"]).expect_ok();
    clone.commit("b.json", "1");
    clone.git(&["push", "-f", "origin", "HEAD:refs/heads/main"]).expect_refused("no commit in common");
    assert_eq!(server.get("a.json").await.as_deref(), Some("2"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_references_are_kept_and_said_to_be_nowhere_or_refused() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    let run = clone.git(&["push", "origin", "HEAD:refs/heads/feature", "HEAD:refs/tags/v1"]).expect_ok();
    assert!(run.stderr.contains("refs/heads/feature is stored but not distributed"), "{}", run.stderr);
    assert_eq!(server.get("a.json").await, None);
    for reference in ["refs/replace/1", "refs/for/other", "refs/notes/x", "refs/configbus/foreign/1"] {
        clone.git(&["push", "origin", &format!("HEAD:{reference}")]).expect_refused("is not accepted here");
    }
    clone.git(&["push", "origin", ":refs/heads/feature"]).expect_refused("cannot be deleted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_objects_do_not_enter() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    clone.push_main().expect_ok();
    clone.commit("bad.json", "{\"a\": 1,\n\"a\": 2}");
    let refused = clone.head();
    clone.push_main().expect_refused("bad.json:2:1");
    let found = crate::harness::git(&server.repository(), &["cat-file", "-e", &refused]);
    assert!(!found.ok, "a refused commit is in the repository");
    // The tip is clean, what was in between is not.
    clone.git(&["reset", "-q", "--hard", "HEAD~1"]).expect_ok();
    std::os::unix::fs::symlink("/etc/passwd", clone.path.join("link")).unwrap();
    clone.commit("c.json", "1");
    clone.git(&["rm", "-q", "link"]).expect_ok();
    clone.commit("c.json", "2");
    clone.push_main().expect_refused("symbolic link");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_said_at_once() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("a");
    server.put("other.json", "1").await;
    std::os::unix::fs::symlink("/etc/passwd", clone.path.join("link")).unwrap();
    clone.commit("deep/down/bad.json", "{");
    clone.commit("bad.yaml", "a: [");
    let fast_forward = clone.push_main().expect_refused("link: is a symbolic link");
    for place in ["deep/down/bad.json:1:2", "bad.yaml:1:", "3 problems in 3 files"] {
        assert!(fast_forward.stderr.contains(place), "{place:?} is not in {}", fast_forward.stderr);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_does_not_hide_refused_shapes() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("a");
    server.put("dir/seed.json", "2").await;
    clone.commit("dir/seed.json", "3");
    std::fs::create_dir(clone.path.join("other")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", clone.path.join("other/link")).unwrap();
    clone.commit("x.json", "1");
    let refused = clone.push_main().expect_refused("other/link: is a symbolic link");
    assert!(refused.stderr.contains("dir/seed.json: added on both sides"), "{}", refused.stderr);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn push_options_are_honoured_or_refused() {
    let server = TestServer::start().await;
    let clone = server.clone_main("a");
    clone.commit("a.json", "1");
    let push = |option: &str| clone.git(&["push", "-o", option, "origin", "HEAD:refs/heads/main"]);
    let first = push("dry-run").expect_ok().stderr;
    assert!(first.contains("main would begin with r1") && first.contains("nothing was landed"), "{first}");
    assert_eq!(server.get("a.json").await, None);
    push("rollout=canary").expect_refused("not supported by this release");
    push("dryrun").expect_refused("unknown");
    push("reason=because").expect_ok();
    assert_eq!(server.get("a.json").await.as_deref(), Some("1"));
    server.stop().await;
}

/// A program that runs the hooks and keeps `pre-receive` from ending until somebody opens `gate`.
fn hooks_that_wait(folder: &std::path::Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let (program, gate) = (folder.join("hooks-that-wait"), folder.join("gate"));
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let (real, gate) = (crate::harness::hook_program(), gate.display().to_string());
    let script = format!(
        "#!/bin/bash\nname=${{0##*/}}\n(exec -a \"$name\" '{}' \"$@\")\ncode=$?\n\
         if [ \"$name\" = pre-receive ]; then read -t 60 -r _ <>'{gate}'; fi\nexit $code\n",
        real.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Opens the gate to such a program once it waits there.
fn opened(gate: &std::path::Path) -> std::fs::File {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        // Nobody reads there yet, or never will.
        match std::fs::OpenOptions::new().write(true).custom_flags(flags).open(gate) {
            Ok(file) => return file,
            Err(error) if std::time::Instant::now() > deadline => {
                panic!("no hook waits at {}: {error}", gate.display())
            }
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_in_the_queue_cannot_be_fetched_until_it_lands() {
    let folder = tempfile::tempdir().unwrap();
    let program = hooks_that_wait(folder.path());
    let server = TestServer::start_with(|settings| settings.hook_program = Some(program)).await;
    let gate = folder.path().join("gate");
    let open = |gate: std::path::PathBuf| std::io::Write::write_all(&mut opened(&gate), b"go\n").unwrap();
    server.put("seed.json", "1").await;
    let clone = server.clone_main("late");
    let reader = server.clone_main("reader");
    clone.commit("late.json", "[\"late\"]");
    let tip = clone.head();
    // Opening the gate waits for the hook, which has judged by then. What others land meanwhile makes it a conflict.
    let (clone, pushed) = tokio::join!(
        tokio::task::spawn_blocking(move || {
            clone.push_main().expect_refused("late.json");
            clone
        }),
        async {
            let waiting = gate.clone();
            let mut opened = tokio::task::spawn_blocking(move || opened(&waiting)).await.unwrap();
            server.put("late.json", "2").await;
            std::io::Write::write_all(&mut opened, b"go\n").unwrap();
        }
    );
    let (clone, ()) = (clone.unwrap(), pushed);
    crate::harness::git(&server.repository(), &["cat-file", "-e", &tip]).expect_ok();
    let blob = clone.git(&["rev-parse", "HEAD:late.json"]).expect_ok().stdout;
    for id in [&tip, blob.trim()] {
        reader.git(&["fetch", "-q", "origin", id]).expect_refused("not our ref");
    }
    reader.git(&["fetch", "-q", "origin", "main"]).expect_ok();
    let clone = tokio::task::spawn_blocking(move || {
        clone.git(&["pull", "-q", "--no-rebase", "-X", "ours", "origin", "main"]).expect_ok();
        clone.git(&["commit", "-q", "--allow-empty", "-m", "resolved"]).expect_ok();
        std::thread::scope(|scope| {
            scope.spawn(|| open(gate));
            clone.push_main().expect_ok();
        });
        clone
    });
    let clone = clone.await.unwrap();
    assert_eq!(server.get("late.json").await.as_deref(), Some("[\"late\"]"));
    for id in [&tip, blob.trim()] {
        reader.git(&["fetch", "-q", "origin", id]).expect_ok();
    }
    let left = crate::harness::git(&server.repository(), &["for-each-ref", "refs/configbus/refused"]).expect_ok();
    assert_eq!(left.stdout, "", "what has landed is not withheld any more");
    drop(clone);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let (clone, stale) = (server.clone_main("a"), server.clone_main("stale"));
    let tracked = stale.git(&["rev-parse", "origin/main"]).stdout;
    clone.commit("a.json", "1");
    clone.commit("b.json", "1");
    let dry = |clone: &crate::harness::Clone| clone.git(&["push", "-o", "dry-run", "origin", "HEAD:refs/heads/main"]);
    let said = dry(&clone).expect_ok().stderr;
    assert!(said.contains("main would go from r1 to r3 by fast-forward"), "{said}");
    assert!(clone.push_main().expect_ok().stderr.contains("landed as r3"));
    stale.commit("c.json", "1");
    let said = dry(&stale).expect_ok().stderr;
    assert!(said.contains("your commits would be merged as r4"), "{said}");
    let tried = stale.head();
    crate::harness::git(&server.repository(), &["cat-file", "-e", &tried]).expect_refused("");
    clone.git(&["fetch", "-q", "origin", &tried]).expect_refused("not our ref");
    let left = std::fs::read_dir(server.repository().join("objects")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("tmp_objdir-")), "the objects of dry runs are gone: {left:?}");
    assert_eq!(stale.git(&["rev-parse", "origin/main"]).stdout, tracked);
    stale.commit("a.json", "2");
    dry(&stale).expect_refused("a.json: added on both sides");
    stale.commit("bad.json", "{");
    let _ = stale.git(&["rm", "-q", "a.json"]).expect_ok();
    stale.commit("c.json", "2");
    dry(&stale).expect_refused("bad.json:1:2");
    assert_eq!(server.get("c.json").await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_pushes_and_writes_of_different_files_all_land() {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clones: Vec<_> = (0..3).map(|n| server.clone_main(&format!("clone-{n}"))).collect();
    let pushes = clones.into_iter().enumerate().map(|(n, clone)| {
        tokio::task::spawn_blocking(move || {
            for round in 0..3 {
                clone.commit(&format!("push/{n}.json"), &format!("{round}"));
                clone.push_main().expect_ok();
            }
        })
    });
    let pushes = futures_util::future::join_all(pushes);
    let writes = async {
        for round in 0..10 {
            server.put("api.json", &format!("{round}")).await;
        }
    };
    let (pushed, ()) = tokio::join!(pushes, writes);
    assert!(pushed.into_iter().all(|push| push.is_ok()));
    for n in 0..3 {
        assert_eq!(server.get(&format!("push/{n}.json")).await.as_deref(), Some("2"));
    }
    assert_eq!(server.get("api.json").await.as_deref(), Some("9"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_that_come_by_push_and_by_api_cannot_both_land() {
    let server = TestServer::start().await;
    server.put("dir/seed.json", "1").await;
    let clone = server.clone_main("stale");
    server.put("dir/name.txt", "1").await;
    clone.commit("dir/NAME.txt", "2");
    clone.push_main().expect_refused("differs from");
    server.stop().await;
}
