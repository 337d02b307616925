//! What no honest client would push: made with Git's plumbing, pushed for real.

use crate::harness::{Clone, TestServer, git};
use std::io::Write as _;
use std::process::{Command, Stdio};

const FILE: &str = "100644";

impl Clone {
    /// Stores an object as it is, whatever Git thinks of it.
    fn object(&self, kind: &str, content: &[u8]) -> String {
        let mut command = Command::new("git");
        command.current_dir(&self.path).args(["hash-object", "-t", kind, "-w", "--literally", "--stdin"]);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn blob(&self, content: &[u8]) -> String {
        self.object("blob", content)
    }

    /// Stores a directory with these entries, in this order.
    fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut encoded = Vec::new();
        for (mode, name, id) in entries {
            encoded.extend_from_slice(format!("{mode} ").as_bytes());
            encoded.extend_from_slice(name);
            encoded.push(0);
            let byte = |at: usize| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap();
            encoded.extend((0..20).map(byte));
        }
        self.object("tree", &encoded)
    }

    /// Commits a directory on top of the present head.
    fn commit_tree(&self, tree: &str) -> String {
        let parent = self.head();
        self.git(&["commit-tree", "-m", "hostile", "-p", &parent, tree]).expect_ok().stdout.trim().to_owned()
    }

    /// Pushes a directory and expects to be refused for one of these reasons, with nothing of it left behind.
    async fn check_tree(&self, server: &TestServer, what: &str, tree: &str, reasons: &[&str]) {
        let commit = self.commit_tree(tree);
        self.check_commit(server, what, &commit, "refs/heads/main", reasons).await;
        self.check_commit(server, what, &commit, "refs/heads/other", &[]).await;
    }

    /// No reasons: the reference is not distributed, so what is wrong with documents may be kept there.
    async fn check_commit(&self, server: &TestServer, what: &str, commit: &str, reference: &str, reasons: &[&str]) {
        let pushed = self.git(&["push", "origin", &format!("{commit}:{reference}")]);
        if reasons.is_empty() {
            return;
        }
        let said = pushed.unbroken();
        assert!(!pushed.ok && reasons.iter().any(|reason| said.contains(reason)), "{what}: {reasons:?} not in {said}");
        assert!(!git(&server.repository(), &["cat-file", "-e", commit]).ok, "{what} is in the repository");
        let fetched = self.git(&["fetch", "--quiet", "--refetch", "origin", commit]);
        assert!(!fetched.ok, "{what} can be fetched");
    }
}

/// A server with one revision and a clone of it.
async fn bench() -> (TestServer, Clone) {
    let server = TestServer::start().await;
    server.put("seed.json", "1").await;
    let clone = server.clone_main("hostile");
    (server, clone)
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_no_host_could_take() {
    let (server, clone) = bench().await;
    let (blob, sub) = (clone.blob(b"x"), clone.tree(&[]));
    let commit = clone.head();
    let names: [(&[u8], &[&str]); 12] = [
        (b"..", &["hasDotdot", "reserved"]),
        (b".", &["hasDot", "reserved"]),
        (b".git", &["hasDotgit", "reserved"]),
        (b".GIT", &["hasDotgit", "reserved"]),
        (b"git~1", &["hasDotgit", "reserved"]),
        (".g\u{200c}it".as_bytes(), &["hasDotgit", "reserved"]),
        (b".git::$INDEX_ALLOCATION", &["hasDotgit", "reserved"]),
        (b"a/b", &["fullPathname", "slash"]),
        (b"", &["emptyName", "empty"]),
        (b"a\nb", &["control character"]),
        (b"\xff", &["not UTF-8"]),
        ("u\u{308}".as_bytes(), &["normal form C"]),
    ];
    for (name, reasons) in names {
        let tree = clone.tree(&[(FILE, name, &blob)]);
        clone.check_tree(&server, &format!("{name:?}"), &tree, reasons).await;
    }
    for (mode, id, reasons) in [
        ("120000", &blob, ["symbolic link", ""]),
        ("160000", &commit, ["submodule", ""]),
        ("100600", &blob, ["badFilemode", "mode 100600"]),
        ("140000", &blob, ["badFilemode", "mode 140000"]),
        ("0100644", &blob, ["zeroPaddedFilemode", "mode"]),
    ] {
        let tree = clone.tree(&[(mode, b"entry", id)]);
        let reasons: Vec<_> = reasons.into_iter().filter(|reason| !reason.is_empty()).collect();
        clone.check_tree(&server, mode, &tree, &reasons).await;
    }
    let twins = clone.tree(&[(FILE, b"README", &blob), (FILE, b"readme", &blob)]);
    clone.check_tree(&server, "twins", &twins, &["only in case"]).await;
    let long = clone.tree(&[(FILE, &[b'n'; 300], &blob)]);
    clone.check_tree(&server, "a long name", &long, &["300 bytes"]).await;
    let mut deep = clone.tree(&[(FILE, b"file", &blob)]);
    for _ in 0..60 {
        deep = clone.tree(&[("40000", b"d", &deep)]);
    }
    clone.check_tree(&server, "a deep path", &deep, &["deep"]).await;
    drop(sub);
    assert_eq!(server.put("still.json", "1").await.revision, 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_with_more_paths_than_atoms() {
    let (server, clone) = bench().await;
    let blob = clone.blob(b"x");
    let names: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
    let wide = |mode: &'static str, id: &str| {
        let entries: Vec<_> = names.iter().map(|name| (mode, name.as_bytes(), id)).collect();
        clone.tree(&entries)
    };
    let mut tree = wide(FILE, &blob);
    for _ in 0..29 {
        tree = wide("40000", &tree);
    }
    clone.check_tree(&server, "a tree bomb", &tree, &["change touches too many files"]).await;
    assert_eq!(server.put("still.json", "1").await.revision, 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_readers_would_choke_on() {
    let (server, clone) = bench().await;
    let bomb = (0..9).fold("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let aliases = vec![format!("*l{n}"); 10].join(",");
        format!("{text}l{0}: &l{0} [{aliases}]\n", n + 1)
    });
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    let documents: [(&str, Vec<u8>, &str); 12] = [
        ("bomb.yaml", bomb.into_bytes(), "yaml/aliases"),
        ("deep.json", deep("[", "]"), "json/depth"),
        ("deep.yaml", deep("[", "]"), "yaml/depth"),
        ("deep.toml", [b"a = ".to_vec(), deep("[", "]")].concat(), "toml/"),
        ("deep.xml", deep("<a>", "</a>"), "xml/depth"),
        ("twice.json", br#"{"a": 1, "a": 2}"#.to_vec(), "json/duplicate-key"),
        ("twice.yaml", b"a: 1\na: 2\n".to_vec(), "yaml/duplicate-key"),
        ("bytes.json", b"\"\xff\"".to_vec(), "text/utf-8"),
        ("nul.json", b"\"a\0b\"".to_vec(), "json/syntax"),
        ("big.json", b"18446744073709551616".to_vec(), "json/number"),
        ("big.yaml", b"a: 18446744073709551616\n".to_vec(), "yaml/number"),
        ("big.toml", b"a = 9223372036854775808\n".to_vec(), "toml/number"),
    ];
    let blobs: Vec<_> = documents.iter().map(|(name, content, _)| (*name, clone.blob(content))).collect();
    for ((name, _, rule), (_, blob)) in documents.iter().zip(&blobs) {
        let tree = clone.tree(&[(FILE, name.as_bytes(), blob)]);
        clone.check_commit(&server, name, &clone.commit_tree(&tree), "refs/heads/main", &[rule]).await;
        assert_eq!(server.get("seed.json").await.as_deref(), Some("1"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_middle_of_a_push_holds() {
    let (server, clone) = bench().await;
    let token = format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
    clone.commit("key.txt", &token);
    let middle = clone.head();
    clone.commit("key.txt", "no longer");
    let refused = clone.push_main().expect_refused("secret/github-token");
    assert!(!refused.stderr.contains(&token[8..]), "{}", refused.stderr);
    clone.git(&["push", "origin", "HEAD:refs/heads/topic"]).expect_refused("secret/github-token");
    clone.git(&["push", "origin", "HEAD:refs/tags/v1"]).expect_refused("secret/github-token");
    assert!(!git(&server.repository(), &["cat-file", "-e", &middle]).ok);
    clone
        .git(&["push", "origin", "HEAD~2:refs/replace/0123456789012345678901234567890123456789"])
        .expect_refused("not accepted here");
    server.stop().await;
}
