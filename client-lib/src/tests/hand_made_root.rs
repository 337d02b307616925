//! An agent's root, made by hand.

use crate::{ConfigBus, OpenOptions};
use configbus_model::{
    AgentState, CommitId, Epoch, Layout, MountRecord, Namespace, Revision, TreeId, ViewName, ViewRecord, blob_id,
};
use rustix::fs::{FlockOperation, flock};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

pub(super) const LAYOUTS: [Layout; 2] = [Layout::Plain, Layout::Linked];

pub(super) struct HandMadeRoot {
    folder: TempDir,
    layout: Layout,
    revision: AtomicU64,
}

/// A directory of the tree that is to be shown.
#[derive(Default)]
struct Directory<'a> {
    files: BTreeMap<&'a str, &'a [u8]>,
    below: BTreeMap<&'a str, Directory<'a>>,
}

impl<'a> Directory<'a> {
    fn insert(&mut self, path: &'a str, content: &'a [u8]) {
        match path.split_once('/') {
            Some((first, rest)) => self.below.entry(first).or_default().insert(rest, content),
            None => drop(self.files.insert(path, content)),
        }
    }

    /// Names the content, as the id of a Git tree does.
    fn id(&self) -> String {
        let files = self.files.iter().map(|(name, content)| format!("{name} {}", blob_id(content).unwrap()));
        let below = self.below.iter().map(|(name, directory)| format!("{name}/ {}", directory.id()));
        blob_id(files.chain(below).collect::<Vec<_>>().join("\n").as_bytes()).unwrap().to_string()
    }
}

impl HandMadeRoot {
    pub(super) fn new(layout: Layout) -> Self {
        let root = Self { folder: tempfile::tempdir().unwrap(), layout, revision: AtomicU64::new(0) };
        root.make_folders();
        root
    }

    /// Makes what an agent makes at its first start.
    pub(super) fn make_folders(&self) {
        fs::create_dir_all(self.path()).unwrap();
        File::create(self.path().join("agent.lock")).unwrap();
        for name in ["views", "blobs", "trees", "trash", "tmp"] {
            fs::create_dir(self.path().join(name)).unwrap();
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn open(&self) -> ConfigBus {
        ConfigBus::open_with(self.path(), &OpenOptions::new().deadline(super::DEADLINE)).unwrap()
    }

    /// Shows files as the next revision.
    pub(super) fn flip(&self, files: &[(&str, &str)]) -> Revision {
        let revision = Revision(self.revision.fetch_add(1, Ordering::Relaxed) + 1);
        let view = self.build(revision, files);
        self.show(&view);
        revision
    }

    /// Makes a view that nobody sees yet.
    pub(super) fn build(&self, revision: Revision, files: &[(&str, &str)]) -> ViewName {
        let mut tree = Directory::default();
        files.iter().for_each(|(path, content)| tree.insert(path, content.as_bytes()));
        let fingerprint = u32::from_str_radix(&tree.id()[..8], 16).unwrap();
        let view = ViewName::new(revision, fingerprint);
        let scratch = self.scratch();
        match self.layout {
            Layout::Plain => self.fill(&scratch, &tree, None),
            Layout::Linked => self.fill(&scratch, &tree, Some("../../trees")),
        }
        fs::write(self.record_path(&view), serde_json::to_vec(&self.record(&view)).unwrap()).unwrap();
        fs::rename(scratch, self.view_path(&view)).unwrap();
        view
    }

    /// Replaces `current`.
    pub(super) fn show(&self, view: &ViewName) {
        let scratch = self.scratch();
        symlink(format!("views/{view}"), &scratch).unwrap();
        fs::rename(scratch, self.path().join("current")).unwrap();
    }

    /// Removes a view as a collector does, unless it is pinned; returns whether it is gone.
    pub(super) fn collect(&self, view: &ViewName) -> bool {
        let Ok(folder) = File::open(self.view_path(view)) else { return true };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
            return false;
        }
        let trash = self.path().join("trash").join(view.to_string());
        fs::rename(self.view_path(view), &trash).unwrap();
        fs::remove_file(self.record_path(view)).unwrap();
        fs::remove_dir_all(trash).unwrap();
        true
    }

    pub(super) fn write_state(&self, state: &AgentState) {
        let scratch = self.scratch();
        fs::write(&scratch, serde_json::to_vec(state).unwrap()).unwrap();
        fs::rename(scratch, self.path().join("state.json")).unwrap();
    }

    pub(super) fn view_path(&self, view: &ViewName) -> PathBuf {
        self.path().join("views").join(view.to_string())
    }

    pub(super) fn record_path(&self, view: &ViewName) -> PathBuf {
        self.path().join("views").join(format!("{view}.json"))
    }

    pub(super) fn blob_path(&self, content: &str) -> PathBuf {
        self.path().join("blobs").join(blob_id(content.as_bytes()).unwrap().to_string())
    }

    fn scratch(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.path().join("tmp").join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Fills a new directory; `trees` is the way to the shared directories, absent for real ones.
    fn fill(&self, path: &Path, tree: &Directory<'_>, trees: Option<&str>) {
        fs::create_dir(path).unwrap();
        for (name, content) in &tree.files {
            let blob = self.blob_path(std::str::from_utf8(content).unwrap());
            if !blob.exists() {
                let scratch = self.scratch();
                fs::write(&scratch, content).unwrap();
                fs::rename(scratch, &blob).unwrap();
            }
            fs::hard_link(blob, path.join(name)).unwrap();
        }
        for (name, below) in &tree.below {
            let Some(trees) = trees else {
                self.fill(&path.join(name), below, None);
                continue;
            };
            let shared = self.path().join("trees").join(below.id());
            if !shared.exists() {
                let scratch = self.scratch();
                self.fill(&scratch, below, Some(".."));
                let there = self.path().join("trees").join(below.id());
                fs::rename(scratch, there).unwrap();
            }
            let up = if trees == ".." { "..".to_owned() } else { trees.to_owned() };
            symlink(format!("{up}/{}", below.id()), path.join(name)).unwrap();
        }
    }

    fn record(&self, view: &ViewName) -> ViewRecord {
        let mount = MountRecord {
            prefix: String::new(),
            epoch: Epoch::FIRST,
            revision: view.revision(),
            commit: CommitId::from_bytes([7; 20]),
            source_tree: TreeId::EMPTY,
            effective_tree: TreeId::EMPTY,
            landed_ms: 0,
            traceparent: Some(format!("trace of {}", view.revision())),
        };
        let namespaces = BTreeMap::from([(Namespace::main(), mount)]);
        ViewRecord { view: view.clone(), layout: self.layout, flipped_ms: 0, namespaces }
    }
}
