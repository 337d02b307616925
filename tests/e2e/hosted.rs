//! The gate on a bare repository that no server looks after.

use configbus_coordination::zookeeper_fixture::{FixtureError, ZooKeeperFixture};
use configbus_tests::{
    bus::Run,
    git::{WorkingCopy, git},
    guarded::GuardedBus,
};
use insta::assert_snapshot;
use tempfile::TempDir;

/// A bare repository with the hooks.
struct Hosted {
    folder: TempDir,
}

impl Hosted {
    fn install(flags: &[&str]) -> Self {
        let hosted = Self { folder: TempDir::with_prefix("hosted-").unwrap() };
        let made = git(hosted.folder.path()).args(["init", "--quiet", "--bare", "repository.git"]).status().unwrap();
        assert!(made.success());
        let _ = Run::of(&[&["hook", "install", &hosted.repository()], flags].concat(), b"").expect_ok();
        hosted
    }

    fn repository(&self) -> String {
        self.folder.path().join("repository.git").to_str().unwrap().to_owned()
    }

    fn hook(&self, command: &str) -> Run {
        Run::of(&["hook", command, &self.repository()], b"")
    }

    fn copy(&self) -> WorkingCopy {
        WorkingCopy::init(&self.repository())
    }
}

#[test]
fn pushes_are_held_to_the_gate_and_to_the_first_parent_chain() {
    let hosted = Hosted::install(&[]);
    let _ = hosted.hook("check").expect_ok();
    let (ada, bob) = (hosted.copy(), hosted.copy());
    let _ = ada.change("a.json", "{}").expect_ok();
    let refused = ada.change("bad.json", "{").expect_refused();
    assert_snapshot!(refused.remote_lines(), @r"

    bad.json:1:2: file ends too early: found end of file, expected a key in
    double quotes [json/syntax]
    1 | {
    |  ^
    1 problem in 1 file
    ");
    let _ = bob.git(&["pull", "--quiet", "origin", "main"]).expect_ok();
    let _ = bob.change("b.json", "1").expect_ok();
    let _ = ada.git(&["reset", "--quiet", "--hard", "HEAD~1"]).expect_ok();
    ada.write("c.json", "1");
    ada.commit("made on an old head");
    let forced = ada.git(&["push", "--force", "origin", "HEAD:main"]).expect_refused();
    assert!(forced.stderr.contains("run `git pull --rebase` and push again"), "{}", forced.stderr);
    let _ = ada.git(&["pull", "--quiet", "--rebase", "origin", "main"]).expect_ok();
    let _ = ada.push().expect_ok();
    ada.write("d.json", "1");
    ada.commit("tried");
    let dry = ada.git(&["push", "-o", "dry-run", "origin", "HEAD:main"]).expect_refused();
    assert!(dry.remote_lines().contains("dry run: valid"), "{}", dry.stderr);
    let _ = ada.push().expect_ok();
    let _ = ada.git(&["push", "origin", ":main"]).expect_refused();

    let _ = hosted.hook("uninstall").expect_ok();
    assert_eq!(hosted.hook("check").code, 1);
    let _ = ada.change("bad.json", "{").expect_ok();
}

#[test]
fn installing_bounds_what_git_takes_to_unpack_a_push() {
    let hosted = Hosted::install(&[]);
    let config = |arguments: &[&str]| {
        let mut asked = git(std::path::Path::new(&hosted.repository()));
        let output = asked.arg("config").args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    for (key, value) in [
        ("receive.maxInputSize", "134217728"),
        ("receive.unpackLimit", "1"),
        ("core.bigFileThreshold", "4194304"),
        ("core.deltaBaseCacheLimit", "16m"),
        ("pack.threads", "1"),
    ] {
        assert_eq!(config(&["--get", key]), value, "{key}");
    }
    // What somebody set stays, and holds.
    config(&["receive.maxInputSize", "2000"]);
    let _ = Run::of(&["hook", "install", &hosted.repository()], b"").expect_ok();
    assert_eq!(config(&["--get", "receive.maxInputSize"]), "2000");
    let copy = hosted.copy();
    let _ = copy.change("small.json", "1").expect_ok();
    let numbers: Vec<_> = (0..2_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_string()).collect();
    let refused = copy.change("large.json", format!("[{}]", numbers.join(","))).expect_refused();
    assert!(refused.stderr.contains("exceeds maximum allowed size"), "{}", refused.stderr);
}

#[test]
fn a_global_hooks_path_of_whoever_runs_git_changes_nothing() {
    let hosted = Hosted::install(&[]);
    let copy = hosted.copy();
    let none = hosted.folder.path().join("none");
    std::fs::create_dir(&none).unwrap();
    // The user who pushes over a path is the one whose Git receives.
    std::fs::write(copy.path().join(".gitconfig"), format!("[core]\n\thooksPath = {}\n", none.display())).unwrap();
    copy.write("bad.json", "{");
    copy.commit("not JSON");
    let mut push = git(copy.path());
    push.env("GIT_CONFIG_GLOBAL", copy.path().join(".gitconfig")).args(["push", "origin", "HEAD:main"]);
    let output = push.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad.json:1:2"), "{output:?}");
}

#[test]
fn owners_hold_those_back_whom_the_host_names() {
    let hosted = Hosted::install(&["--principal-variable", "PUSHER", "--admin", "ada"]);
    let copy = hosted.copy();
    let push_as = |name: &str| {
        let mut push = git(copy.path());
        push.env("PUSHER", name).args(["push", "origin", "HEAD:main"]);
        String::from_utf8_lossy(&push.output().unwrap().stderr).into_owned()
    };
    copy.write(".configbus/owners", "/pay/ bob\n");
    copy.commit("owners");
    assert!(push_as("eve").contains("owners/"), "{}", push_as("eve"));
    assert!(push_as("ada").contains("main"));
    copy.write("pay/a.json", "1");
    copy.commit("pay");
    assert!(push_as("eve").contains("pay/a.json"));
    assert!(!push_as("bob").contains("rejected"));
}

#[test]
fn what_lands_is_announced_and_nothing_is_skipped() {
    let mut zookeeper = match ZooKeeperFixture::single() {
        Ok(zookeeper) => zookeeper,
        Err(error @ FixtureError::NotInstalled { .. }) if std::env::var_os("CONFIGBUS_TESTS_COMPLETE").is_none() => {
            eprintln!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let hosted = Hosted::install(&["--zookeeper", &format!("{}/hosted", zookeeper.connect_string())]);
    let copy = hosted.copy();
    let pushed = copy.change("a.json", "1").expect_ok();
    assert!(pushed.remote_lines().contains("main is at r1"), "{}", pushed.stderr);
    assert!(hosted.hook("announce").expect_ok().stdout.contains("announced already: main is at r1"));

    zookeeper.kill(0);
    let pushed = copy.change("a.json", "2").expect_ok();
    assert!(pushed.remote_lines().contains("could not be announced"), "{}", pushed.stderr);
    assert_eq!(hosted.hook("announce").code, 7);
    zookeeper.start(0).unwrap();
    assert!(hosted.hook("announce").expect_ok().stdout.contains("announced: main is at r2"));
    let pushed = copy.change("a.json", "3").expect_ok();
    assert!(pushed.remote_lines().contains("main is at r3"), "{}", pushed.stderr);
}

#[test]
fn where_there_is_no_zookeeper_the_server_is_told() {
    let bus = GuardedBus::start();
    let file = bus.token_file("ads", &bus.token("ads-hook", "writer@ads"));
    let url = bus.url();
    let told = ["--server", url.as_str(), "--token-file", file.as_str()];
    let hosted = Hosted::install(&[&["--namespace", "ads"], &told[..]].concat());
    assert!(hosted.hook("check").expect_ok().stdout.contains("heads of ads are announced to the server at http://"));
    let copy = hosted.copy();
    let pushed = copy.change("a.json", "1").expect_ok();
    assert!(pushed.remote_lines().contains("ads is at r1"), "{}", pushed.stderr);
    assert!(hosted.hook("announce").expect_ok().stdout.contains("announced already: ads is at r1"));

    // What the server serves is its own, and a writer of one namespace speaks for no other.
    let admin = bus.token_file("admin", &bus.admin());
    for (namespace, token, why) in
        [("main", &admin, "main is served here"), ("traffic", &file, "needs the role writer")]
    {
        let install = ["hook", "install", &hosted.repository(), "--namespace", namespace, "--token-file", token];
        let _ = Run::of(&[&install[..], &["--server", &url]].concat(), b"").expect_ok();
        let refused = hosted.hook("announce");
        assert!(refused.code == 6 && refused.stderr.contains(why), "{namespace}: {}", refused.stderr);
    }
    let plain = ["hook", "install", &hosted.repository(), "--server", "http://bus:7420", "--token-file", &file];
    let refused = Run::of(&plain, b"");
    assert!(refused.code == 2 && refused.stderr.contains("no access token is sent to"), "{}", refused.stderr);
}

#[test]
fn hooks_of_others_and_what_is_no_repository_are_left_alone() {
    let hosted = Hosted::install(&[]);
    let _ = hosted.hook("uninstall").expect_ok();
    std::fs::write(hosted.folder.path().join("repository.git/hooks/pre-receive"), "#!/bin/sh\nexit 0\n").unwrap();
    let refused = hosted.hook("install");
    assert_eq!(
        (refused.code, refused.stderr.contains("has a hook pre-receive already")),
        (3, true),
        "{}",
        refused.stderr
    );
    let nowhere = Run::of(&["hook", "install", hosted.copy().path().to_str().unwrap()], b"");
    assert_eq!(
        (nowhere.code, nowhere.stderr.contains("is not a bare Git repository")),
        (5, true),
        "{}",
        nowhere.stderr
    );
}
