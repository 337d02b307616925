//! Real repositories in temporary folders, and stock Git to look at them.

use crate::{
    CommitMeta, EditLanding, HeadCommit, Person, RepositorySettings, Store, TreeChange, TreeEdit,
    read::tree_lookup::TreeLookup,
};
use crate::{ReadError, land::merge::Merged};
use bytes::Bytes;
use configbus_model::{BlobId, CommitId, ConfigPath, EntryMode, ObjectId, Tree, TreeEntry, TreeId, blob_id};
use proptest::prelude::*;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// A repository with the helpers that tests need; goes with its folder.
pub(crate) struct TestStore {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("main.git"), &RepositorySettings::default()).unwrap();
        Self { dir, store }
    }

    /// Lands one commit with these files.
    pub(crate) fn land(&self, files: &[(&str, &str)]) -> HeadCommit {
        let edits: Vec<_> = files.iter().map(|(path, content)| put(path, content)).collect();
        self.land_edits(&edits)
    }

    pub(crate) fn land_edits(&self, edits: &[TreeEdit]) -> HeadCommit {
        let head = self.store.head();
        let landing = self.store.land_edits(head.as_ref(), edits, &meta("edit")).unwrap();
        let EditLanding::Landed { commit, .. } = landing else { panic!("nothing changed") };
        self.store.move_head(head.map(|head| head.commit), commit, 1_000).unwrap()
    }

    /// Opens the same folder as a process that was just started.
    pub(crate) fn reopened(&self) -> Store {
        Store::open(self.store.dir()).unwrap()
    }

    pub(crate) fn head(&self) -> HeadCommit {
        self.store.head().unwrap()
    }

    pub(crate) fn clone_to(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        git(self.dir.path(), &["clone", "-q", self.store.dir().to_str().unwrap(), path.to_str().unwrap()]);
        path
    }

    /// Stock Git finds nothing wrong.
    pub(crate) fn check_fsck(&self) {
        let output = git(self.store.dir(), &["fsck", "--full", "--strict"]);
        assert_eq!(output, "", "fsck complains");
    }

    /// The same where objects are expected that nothing refers to.
    pub(crate) fn check_fsck_dangling(&self) {
        git(self.store.dir(), &["fsck", "--full", "--strict", "--no-dangling"]);
    }

    /// The files of the head, as stock Git sees them.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let names = git(self.store.dir(), &["ls-tree", "-r", "--name-only", "main"]);
        let content = |name: &str| git(self.store.dir(), &["cat-file", "blob", &format!("main:{name}")]);
        names.lines().map(|name| (name.to_owned(), content(name))).collect()
    }
}

pub(crate) fn files(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
}

pub(crate) fn path(path: &str) -> ConfigPath {
    ConfigPath::parse(path).unwrap()
}

pub(crate) fn put(at: &str, content: &str) -> TreeEdit {
    let content = Bytes::copy_from_slice(content.as_bytes());
    TreeEdit { path: path(at), change: TreeChange::Put { mode: None, content } }
}

pub(crate) fn delete(at: &str) -> TreeEdit {
    TreeEdit { path: path(at), change: TreeChange::Delete }
}

pub(crate) fn meta(message: &str) -> CommitMeta {
    let person = |name: &str| Person { name: name.into(), email: format!("{name}@example.org") };
    CommitMeta { author: person("ann"), committer: person("bus"), time_ms: 1_700_000_000_000, message: message.into() }
}

/// Runs stock Git and returns what it prints; a failure fails the test.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = try_git(dir, args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn try_git(dir: &Path, args: &[&str]) -> Output {
    let identity = ["-c", "user.name=bob", "-c", "user.email=bob@example.org", "-c", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    command.args(identity).args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]).args(args);
    command.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.output().unwrap()
}

const SUBJECT: &str = "CONFIGBUS_TEST_SUBJECT";

/// Prepares to run one test of this binary as a process of its own, with a folder that it finds with [`subject`].
pub(crate) fn rerun(module: &str, test: &str, dir: &Path) -> Command {
    let module = module.split_once("::").map_or("", |(_, module)| module);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--test-threads=1", "--nocapture"]).env(SUBJECT, dir);
    command
}

/// The folder to work on in a test that runs as a process of its own; `None` when it runs like any other test.
pub(crate) fn subject() -> Option<PathBuf> {
    std::env::var_os(SUBJECT).map(PathBuf::from)
}

/// Commits a file in a working copy and returns the commit.
pub(crate) fn commit_file(clone: &Path, name: &str, content: &str) -> CommitId {
    let file = clone.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
    git(clone, &["add", "-A"]);
    git(clone, &["commit", "-q", "-m", &format!("write {name}")]);
    tip(clone)
}

pub(crate) fn tip(clone: &Path) -> CommitId {
    git(clone, &["rev-parse", "HEAD"]).trim().parse().unwrap()
}

/// Brings a commit's objects into the repository without landing it, as an accepted push does.
pub(crate) fn send(store: &TestStore, clone: &Path) -> CommitId {
    let commit = tip(clone);
    let repository = store.store.dir().to_str().unwrap();
    let reference = format!("HEAD:refs/heads/incoming-{commit}");
    git(clone, &["push", "-q", "--no-verify", repository, &reference]);
    commit
}

/// Small enough alphabets that two trees often touch the same paths, and files often stand where directories are.
pub(crate) fn any_tree() -> impl Strategy<Value = Files> {
    let file = (prop::bool::weighted(0.2), "[0-2]")
        .prop_map(|(run, content)| (if run { EntryMode::Executable } else { EntryMode::File }, content));
    prop::collection::btree_map("[ab]|[ab]/[cd]|[ab]/[cd]/[ef]", file, 0..10).prop_map(|files: Files| {
        let above = |path: &str| files.keys().any(|other| path.starts_with(&format!("{other}/")));
        files.iter().filter(|(path, _)| !above(path)).map(|(path, file)| (path.clone(), file.clone())).collect()
    })
}

/// Trees in memory, made from paths.
#[derive(Default)]
pub(crate) struct MemoryTrees {
    trees: RefCell<HashMap<TreeId, Tree>>,
    pub(crate) blobs: RefCell<HashMap<BlobId, Bytes>>,
}

/// What is at a path: mode and content.
pub(crate) type Files = BTreeMap<String, (EntryMode, String)>;

impl MemoryTrees {
    pub(crate) fn root(&self, files: &Files) -> TreeId {
        let mut names: BTreeMap<&str, Files> = BTreeMap::new();
        let mut entries: Vec<(String, EntryMode, ObjectId)> = Vec::new();
        for (path, (mode, content)) in files {
            match path.split_once('/') {
                Some((directory, rest)) => {
                    names.entry(directory).or_default().insert(rest.to_owned(), (*mode, content.clone()));
                }
                None => {
                    let id = blob_id(content.as_bytes()).unwrap();
                    self.blobs.borrow_mut().insert(id, Bytes::copy_from_slice(content.as_bytes()));
                    entries.push((path.clone(), *mode, id.into()));
                }
            }
        }
        for (name, files) in names {
            entries.push((name.to_owned(), EntryMode::Directory, self.root(&files).into()));
        }
        self.add(Tree::build(entries.iter().map(|(name, mode, id)| TreeEntry { name, mode: *mode, id: *id })))
    }

    pub(crate) fn add(&self, tree: Tree) -> TreeId {
        let id = tree.id().unwrap();
        self.trees.borrow_mut().insert(id, tree);
        id
    }

    pub(crate) fn add_merged(&self, merged: &Merged) -> TreeId {
        self.trees.borrow_mut().extend(merged.new_trees.iter().cloned());
        merged.tree
    }

    /// The files below a tree whose content is known; others by their id.
    pub(crate) fn files(&self, root: TreeId) -> Files {
        let mut files = Files::new();
        self.collect(root, "", &mut files);
        files
    }

    fn collect(&self, tree: TreeId, prefix: &str, files: &mut Files) {
        for entry in self.tree(tree).unwrap().entries() {
            let path = format!("{prefix}{}", entry.name);
            if entry.mode == EntryMode::Directory {
                self.collect(entry.id.into(), &format!("{path}/"), files);
            } else {
                let content = self.blobs.borrow().get(&entry.id.into()).cloned();
                let text = content.map_or_else(|| entry.id.to_string(), |c| String::from_utf8(c.to_vec()).unwrap());
                files.insert(path, (entry.mode, text));
            }
        }
    }
}

impl TreeLookup for MemoryTrees {
    fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        if id == TreeId::EMPTY {
            return Ok(Tree::build([]));
        }
        self.trees.borrow().get(&id).cloned().ok_or(ReadError::Missing { id: id.into() })
    }
}
