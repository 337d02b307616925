//! The gate over what Git holds: pushes in quarantine and staged edits.

use bytes::Bytes;
use configbus_gitstore::{
    CandidateView, CommitMeta, EditLanding, HeadCommit, Person, Quarantine, RepositorySettings, Store, TreeChange,
    TreeEdit,
};
use configbus_hooks::{Context, Gate, GateSettings, GitCandidate, Mounts, Rule};
use configbus_model::{CommitId, ConfigPath, Namespace, Principal};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// A repository with one revision, and a working copy to push from.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    head: HeadCommit,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store =
            Store::create(&folder.path().join("main.git"), &RepositorySettings::default()).expect("a repository");
        let edits = [put("a.json", "{}"), put("dir/b.yaml", "b: 1\n"), put("deep/c", "c")];
        let person = || Person { name: "ann".into(), email: "ann@example.org".into() };
        let meta = CommitMeta { author: person(), committer: person(), time_ms: 1_000, message: "first".into() };
        let landing = store.land_edits(None, &edits, &meta).expect("edits land");
        let EditLanding::Landed { commit, .. } = landing else { panic!("nothing changed") };
        let head = store.move_head(None, commit, 1_000).expect("the head moves");
        let bench = Self { folder, store, head };
        bench.git(bench.folder.path(), &["clone", "-q", "main.git", "clone"]);
        bench
    }

    fn clone_dir(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    fn git(&self, dir: &Path, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=bob", "-c", "user.email=bob@example.org"]).args(arguments).current_dir(dir);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = git.output().expect("git is installed");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git prints text").trim().to_owned()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.clone_dir().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn commit(&self) -> CommitId {
        self.git(&self.clone_dir(), &["add", "-A"]);
        self.git(&self.clone_dir(), &["commit", "-q", "-m", "change"]);
        self.git(&self.clone_dir(), &["rev-parse", "HEAD"]).parse().expect("an id")
    }

    /// Opens the working copy's objects as `receive-pack` shows those of a push.
    fn quarantined(&self) -> CandidateView {
        let objects = self.store.dir().join("objects");
        let object_dir = objects.join("tmp_objdir-incoming-test");
        let from = self.clone_dir().join(".git/objects/.");
        let copied = Command::new("cp").arg("-r").arg(from).arg(&object_dir).status().expect("cp is installed");
        assert!(copied.success());
        let quarantine = Quarantine { object_dir, alternates: vec![objects] };
        self.store.open_quarantined(&quarantine).expect("the quarantine opens")
    }

    fn check_push(&self, tip: CommitId) -> Vec<(String, Rule)> {
        let view = self.quarantined();
        let tips = [tip.object_id()];
        let landing = view.tree_of(tip).expect("the tip is there");
        check(&GitCandidate::push(&view, &tips, Some(self.head.tree), landing))
    }

    fn check_edits(&self, edits: &[TreeEdit]) -> Vec<(String, Rule)> {
        let staged = self.store.stage_edits(Some(self.head.tree), edits).expect("edits fit");
        let view = self.store.open_staged(&staged).expect("the edits open");
        let findings = check(&GitCandidate::edits(&view, &staged));
        let step = check(&GitCandidate::step(&view, Some(self.head.tree), staged.tree()));
        assert_eq!(findings, step, "what was staged tells something else than the trees");
        findings
    }
}

fn check(candidate: &GitCandidate<'_>) -> Vec<(String, Rule)> {
    let settings = GateSettings { file_size_bytes_max: 10_000, directory_entries_max: 5, ..GateSettings::default() };
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    let gate = Gate::new(settings).expect("the settings hold");
    let report = gate.check(candidate, &context).expect("the candidate can be read");
    report.findings.iter().map(|finding| (finding.location(), finding.rule)).collect()
}

fn put(path: &str, content: &str) -> TreeEdit {
    let content = Bytes::copy_from_slice(content.as_bytes());
    TreeEdit { path: ConfigPath::parse(path).expect("a path"), change: TreeChange::Put { mode: None, content } }
}

fn found(pairs: &[(&str, Rule)]) -> Vec<(String, Rule)> {
    pairs.iter().map(|(place, rule)| ((*place).to_owned(), *rule)).collect()
}

#[test]
fn a_push_is_held_to_everything_it_brings() {
    let bench = Bench::new();
    symlink("a.json", bench.clone_dir().join("link")).expect("a symlink");
    bench.write("old/big.bin", &"x".repeat(10_001));
    bench.commit();
    fs::remove_file(bench.clone_dir().join("link")).expect("it is there");
    fs::remove_dir_all(bench.clone_dir().join("old")).expect("it is there");
    bench.write("a.json", "{\n  \"a\": 1,\n  \"a\": 2\n}\n");
    bench.write("dir/B.yaml", "ok: true\n");
    bench.write(".configbus/rollout.yaml", "x: 1\n");
    bench.write("ü ö.bin", "\0\u{1}");
    let tip = bench.commit();
    let expected = [
        (".configbus/rollout.yaml", Rule::UnsupportedPolicy),
        ("a.json:3:3", Rule::JsonDuplicateKey),
        ("dir/b.yaml", Rule::Twins),
        ("link", Rule::Symlink),
        ("old/big.bin", Rule::FileSize),
    ];
    assert_eq!(bench.check_push(tip), found(&expected));
}

#[test]
fn only_what_a_push_changes_is_looked_at() {
    let bench = Bench::new();
    bench.write("new.toml", "a = 1\n");
    assert_eq!(bench.check_push(bench.commit()), []);
}

#[test]
fn submodules_and_names_that_hosts_cannot_have_are_refused() {
    let bench = Bench::new();
    let clone = bench.clone_dir();
    bench.git(&clone, &["update-index", "--add", "--cacheinfo", &format!("160000,{},module", bench.head.commit)]);
    bench.write("dir/u\u{308}.txt", "x");
    bench.git(&clone, &["-c", "core.precomposeUnicode=false", "add", "dir"]);
    bench.git(&clone, &["commit", "-q", "-m", "change"]);
    let tip = bench.git(&clone, &["rev-parse", "HEAD"]).parse().expect("an id");
    assert_eq!(bench.check_push(tip), found(&[("dir/u\u{308}.txt", Rule::Name), ("module", Rule::Submodule)]));
}

#[test]
fn a_directory_that_is_moved_too_deep_is_refused_though_nothing_in_it_is_new() {
    let bench = Bench::new();
    let deep = vec!["d"; 32].join("/");
    fs::create_dir_all(bench.clone_dir().join(&deep)).expect("folders");
    fs::rename(bench.clone_dir().join("deep"), bench.clone_dir().join(&deep).join("deep")).expect("it moves");
    let tip = bench.commit();
    assert_eq!(bench.check_push(tip), found(&[(&format!("{deep}/deep/c"), Rule::Depth)]));
}

#[test]
fn a_push_to_another_branch_is_held_to_shapes_alone() {
    let bench = Bench::new();
    bench.write("a.json", "{");
    symlink("a.json", bench.clone_dir().join("link")).expect("a symlink");
    let tips = [bench.commit().object_id()];
    let view = bench.quarantined();
    assert_eq!(check(&GitCandidate::undistributed(&view, &tips, None)), found(&[("link", Rule::Symlink)]));
}

#[test]
fn edits_are_held_to_the_tree_they_make() {
    let bench = Bench::new();
    assert_eq!(bench.check_edits(&[put("dir/new.json", "[1, 2]")]), []);
    let wrong = [put("dir/x.json", "[1,"), put("DIR/y", ""), put("big", &"x".repeat(10_001))];
    let expected = [("big", Rule::FileSize), ("dir", Rule::Twins), ("dir/x.json:1:4", Rule::JsonSyntax)];
    assert_eq!(bench.check_edits(&wrong), found(&expected));
    let many: Vec<_> = (0..3).map(|n| put(&format!("f{n}"), "")).collect();
    assert_eq!(bench.check_edits(&many), found(&[(".", Rule::DirectoryWidth)]));
}
