//! A change before it is accepted.

use crate::{
    Commit, NewObject, PathConflict, Quarantine, ReadError, StagedEdits, Store,
    candidate::{
        deliverable,
        new_objects::{Walker, commits_between},
        quarantine,
    },
    disk::{
        handles::{self, Lease},
        libgit2, refs,
    },
    land::{
        ancestry,
        merge::MergeError,
        trial::{self, Plan},
    },
    read::{
        changes,
        objects::{ObjectKind, Objects, Overlay, Staged, from_oid, to_oid},
        tree_diff::{self, DiffVisitor, FileAt, Walk},
        tree_lookup::{TreeCache, TreeLookup as _},
    },
};
use bytes::Bytes;
use configbus_model::{BlobId, Change, CommitId, ConfigPath, Entry, ObjectId, Revision, Tree, TreeId};
use git2::Repository;
use std::{
    cell::RefCell,
    collections::HashSet,
    ops::{ControlFlow, Deref},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Directories kept in memory for the time of one check.
const TREE_CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What landing a push would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// The tip becomes the head.
    FastForward {
        /// Its content.
        tree: TreeId,
    },
    /// A merge lands. Its tree is known to this view only.
    Merge {
        /// The content that would land.
        tree: TreeId,
    },
    /// The head contains the tip.
    NothingNew,
    /// Both sides changed the same paths.
    Conflict(Vec<PathConflict>),
    /// Head and tip have no commit in common.
    Unrelated,
}

/// Reads a repository together with objects that are not part of it yet: those of a push in quarantine, of staged
/// edits, or of a trial merge. Not shared between threads.
pub struct CandidateView {
    repository: Held,
    trees: Arc<TreeCache>,
    overlay: RefCell<Overlay>,
    below: Arc<Overlay>,
    store: Option<Store>,
    quarantine: Option<PathBuf>,
}

/// An open repository of the view alone, or one that goes back to the store.
enum Held {
    Own(Repository),
    Leased(Lease),
}

impl Deref for Held {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        match self {
            Self::Own(repository) => repository,
            Self::Leased(lease) => lease,
        }
    }
}

impl Store {
    /// Opens the repository as a candidate without anything new.
    pub fn open_candidate(&self) -> Result<CandidateView, ReadError> {
        let repository = handles::open(self.dir())?;
        Ok(CandidateView::new(repository, Some(self.clone()), None))
    }

    /// Opens the repository together with staged edits.
    pub fn open_staged(&self, staged: &StagedEdits) -> Result<CandidateView, ReadError> {
        self.open_staged_on(Arc::default(), staged)
    }

    /// Does the same where the edits were staged on something that is on no disk yet. Everything but the edits is accepted or
    /// about to be, so an open repository and the directories in memory are shared with readers.
    pub(crate) fn open_staged_on(&self, below: Arc<Overlay>, staged: &StagedEdits) -> Result<CandidateView, ReadError> {
        let trees = staged.trees.iter().map(|staged| (staged.id, staged.tree.clone())).collect();
        let overlay = RefCell::new(Overlay { trees, blobs: staged.blobs.iter().cloned().collect() });
        Ok(CandidateView {
            repository: Held::Leased(self.lease()?),
            trees: Arc::clone(&self.inner.trees),
            overlay,
            below,
            store: Some(self.clone()),
            quarantine: None,
        })
    }

    /// Opens the repository together with the objects of a push that is not accepted yet.
    pub fn open_quarantined(&self, quarantine: &Quarantine) -> Result<CandidateView, ReadError> {
        quarantine.check(&self.objects_dir())?;
        let repository = handles::open(self.dir())?;
        let path = &quarantine.object_dir;
        let refuse = || ReadError::Quarantine { path: path.clone() };
        let added = repository.odb().and_then(|odb| odb.add_disk_alternate(path.to_str().unwrap_or_default()));
        added.map_err(|_| refuse())?;
        Ok(CandidateView::new(repository, Some(self.clone()), Some(path.clone())))
    }
}

impl CandidateView {
    fn new(repository: Repository, store: Option<Store>, quarantine: Option<PathBuf>) -> Self {
        let (repository, trees) = (Held::Own(repository), Arc::new(TreeCache::new(TREE_CACHE_BYTES_MAX)));
        Self { repository, trees, overlay: RefCell::default(), below: Arc::default(), store, quarantine }
    }

    /// Opens what Git's environment variables say; for hooks of a repository that no server looks after. In pre-receive
    /// they name the quarantine.
    pub fn open_from_env() -> Result<Self, ReadError> {
        libgit2::init();
        let path = || std::env::var_os("GIT_DIR").unwrap_or_else(|| ".".into()).into();
        let repository = Repository::open_from_env().map_err(|source| ReadError::Open { path: path(), source })?;
        let quarantine = std::env::var_os("GIT_QUARANTINE_PATH").map(PathBuf::from);
        Ok(Self::new(repository, None, quarantine))
    }

    /// Opens the repository whose working tree has its top at `dir`, with the content that is checked out; `None` when there is
    /// no such repository, when it may not be read, or when it has no commit yet.
    pub fn open_work_tree(dir: &Path) -> Result<Option<(Self, TreeId)>, ReadError> {
        libgit2::init();
        let Ok(repository) = Repository::open(dir) else { return Ok(None) };
        let is_top = repository.workdir().and_then(|top| top.canonicalize().ok()) == dir.canonicalize().ok();
        let head = repository.head().and_then(|head| head.peel_to_commit()).map(|commit| from_oid(commit.tree_id()));
        match head {
            Ok(tree) if is_top => Ok(Some((Self::new(repository, None, None), tree.into()))),
            _ => Ok(None),
        }
    }

    /// Returns the head: the published one of the server's store, the ref where there is no server.
    pub fn head(&self) -> Result<Option<CommitId>, ReadError> {
        match &self.store {
            Some(store) => Ok(store.head().map(|head| head.commit)),
            None => refs::read(self.repository.path(), refs::MAIN),
        }
    }

    /// Returns the commit that an id names, through annotated tags; `None` when it names no commit.
    pub fn peel_to_commit(&self, id: ObjectId) -> Result<Option<CommitId>, ReadError> {
        let mut at = id;
        loop {
            match self.kind_of(at)? {
                ObjectKind::Commit => return Ok(Some(at.into())),
                // By kind alone: a tree that a stranger sent need not be one that libgit2 can parse.
                ObjectKind::Tree | ObjectKind::Blob => return Ok(None),
                ObjectKind::Tag => {
                    let tag = self.repository.find_tag(to_oid(at));
                    at = from_oid(tag.map_err(|source| ReadError::Object { id: at, source })?.target_id());
                }
            }
        }
    }

    /// Reads a commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit, ReadError> {
        self.objects()?.commit(id)
    }

    /// Returns a commit's content.
    pub fn tree_of(&self, commit: CommitId) -> Result<TreeId, ReadError> {
        self.objects()?.tree_of(commit)
    }

    /// Reads a directory.
    pub fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        self.objects()?.tree(id)
    }

    /// Reads a file's content.
    pub fn blob(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.objects()?.blob(id)
    }

    /// Returns what is at a path.
    pub fn entry(&self, tree: TreeId, path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
        self.objects()?.entry(tree, path)
    }

    /// Returns a file and its content; `None` when nothing or a directory is at the path.
    pub fn file(&self, tree: TreeId, path: &ConfigPath) -> Result<Option<(Entry, Bytes)>, ReadError> {
        self.objects()?.file(tree, path)
    }

    /// Returns the id of a file's content; of a directory it is none.
    pub fn file_id(&self, tree: TreeId, path: &ConfigPath) -> Result<Option<ObjectId>, ReadError> {
        self.objects()?.file_id(tree, path)
    }

    /// Returns the files that differ, at or below a prefix (empty for all). Without `from`, all files.
    pub fn changed_files(&self, from: Option<TreeId>, to: TreeId, prefix: &str) -> Result<Vec<Change>, ReadError> {
        changes::changes(&self.objects()?, from, to, prefix)
    }

    /// Returns the files that differ and could be delivered, of a tree that as a whole cannot: for reports, never to land.
    pub fn deliverable_files(&self, from: Option<TreeId>, to: TreeId) -> Result<Vec<Entry>, ReadError> {
        deliverable::files(&self.objects()?, from, to)
    }

    /// Returns the files of a tree whose paths are wanted.
    pub fn files(&self, tree: TreeId, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, ReadError> {
        changes::files(&self.objects()?, tree, wanted)
    }

    /// Visits the directories of `to` that differ from the one at their place in `from`, the root (path `None`) first. The
    /// same difference at several paths is visited at the first of them.
    pub fn changed_directories(
        &self,
        from: Option<TreeId>,
        to: TreeId,
        visit: &mut dyn FnMut(Option<&ConfigPath>, &Tree) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        tree_diff::diff(&self.objects()?, from, to, "", &mut Directories { visit, entered: HashSet::new() })
    }

    /// Visits every object that these tips bring and no accepted branch or tag reaches, and everything else that lies
    /// in the quarantine.
    pub fn new_objects(
        &self,
        tips: &[ObjectId],
        visit: &mut dyn FnMut(NewObject) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let objects = self.objects()?;
        let mut walker = Walker::new(&objects, visit);
        let mut commits = Vec::new();
        for tip in tips {
            match self.peel_to_commit(*tip)? {
                Some(commit) => commits.push(commit),
                None => walker.object(*tip)?,
            }
            self.tags(&mut walker, *tip)?;
        }
        let new = commits_between(&objects, &commits, &self.accepted()?, usize::MAX)?;
        new.unwrap_or_default().into_iter().try_for_each(|commit| walker.commit(commit))?;
        self.unreferenced(&mut walker)
    }

    /// Decides what landing `tip` on `head` would do. The tree of a merge can be read through this view afterwards.
    pub fn trial_merge(&self, head: Option<CommitId>, tip: CommitId) -> Result<Trial, ReadError> {
        let plan = trial::plan(&self.objects()?, &|commit| self.revision_of(commit), head, tip);
        let plan = plan.map_err(|error| match error {
            MergeError::Read(error) => error,
            // A directory that collides with another was assembled from entries that were pushed.
            MergeError::Hash(error) => ReadError::Tree { id: TreeId::EMPTY, source: error.into() },
        })?;
        Ok(match plan {
            Plan::FastForward { tree } => Trial::FastForward { tree },
            Plan::Merge { tree, new_trees } => {
                self.overlay.borrow_mut().trees.extend(new_trees);
                Trial::Merge { tree }
            }
            Plan::NothingNew => Trial::NothingNew,
            Plan::Conflict(conflicts) => Trial::Conflict(conflicts),
            Plan::Unrelated => Trial::Unrelated,
        })
    }

    /// Returns whether `head` is on the first-parent chain of `tip`.
    pub fn is_fast_forward(&self, head: CommitId, tip: CommitId) -> Result<bool, ReadError> {
        let is_landed = |commit| self.revision_of(commit).is_some();
        ancestry::is_on_first_parent_chain(&self.objects()?, &is_landed, head, tip)
    }

    fn objects(&self) -> Result<Objects<'_>, ReadError> {
        let staged = Staged { own: Some(&self.overlay), below: Some(&self.below) };
        Objects::new(&self.repository, &self.trees, staged)
    }

    fn revision_of(&self, commit: CommitId) -> Option<Revision> {
        self.store.as_ref().and_then(|store| store.revision_of(commit))
    }

    /// Returns what was accepted before: branches and tags, but not what was put aside.
    fn accepted(&self) -> Result<Vec<CommitId>, ReadError> {
        let failed = |source| ReadError::Open { path: self.repository.path().to_owned(), source };
        let mut commits = Vec::new();
        for glob in ["refs/heads/*", "refs/tags/*"] {
            for reference in self.repository.references_glob(glob).map_err(failed)? {
                let commit = reference.map_err(failed)?.peel_to_commit();
                commits.extend(commit.ok().map(|commit| CommitId::from(from_oid(commit.id()))));
            }
        }
        Ok(commits)
    }

    /// Visits the annotated tags between a tip and the commit it names.
    fn tags(&self, walker: &mut Walker<'_>, tip: ObjectId) -> Result<(), ReadError> {
        let mut at = tip;
        while let Ok(tag) = self.repository.find_tag(to_oid(at)) {
            walker.single(at, None)?;
            at = from_oid(tag.target_id());
        }
        Ok(())
    }

    /// Visits what was sent although nothing refers to it: once accepted, anybody could fetch it by its id.
    fn unreferenced(&self, walker: &mut Walker<'_>) -> Result<(), ReadError> {
        let Some(dir) = &self.quarantine else { return Ok(()) };
        let accepted = self.without_quarantine()?;
        let failed = |source| ReadError::Open { path: dir.clone(), source };
        let accepted = accepted.odb().map_err(failed)?;
        for id in quarantine::ids_in(dir)? {
            // Git completes a thin pack with objects that the repository has.
            if !walker.has_seen(id) && !walker.is_stopped() && !accepted.exists(to_oid(id)) {
                walker.single(id, None)?;
            }
        }
        Ok(())
    }

    fn without_quarantine(&self) -> Result<Repository, ReadError> {
        handles::open(self.repository.path())
    }

    /// Returns the repository's folder.
    pub fn dir(&self) -> &Path {
        self.repository.path()
    }

    /// Returns what kind of object an id names.
    pub fn kind_of(&self, id: ObjectId) -> Result<ObjectKind, ReadError> {
        Ok(self.objects()?.header(id)?.0)
    }
}

struct Directories<'a> {
    visit: &'a mut dyn FnMut(Option<&ConfigPath>, &Tree) -> ControlFlow<()>,
    entered: HashSet<(Option<TreeId>, Option<TreeId>)>,
}

impl DiffVisitor for Directories<'_> {
    fn directory(&mut self, path: &str, _id: TreeId, tree: &Tree) -> Walk {
        let path = if path.is_empty() { None } else { Some(ConfigPath::parse(path)?) };
        Ok((self.visit)(path.as_ref(), tree))
    }

    fn file(&mut self, _path: &str, _old: Option<FileAt>, _new: Option<FileAt>) -> Walk {
        Ok(ControlFlow::Continue(()))
    }

    fn enters(&mut self, old: Option<TreeId>, new: Option<TreeId>) -> bool {
        self.entered.insert((old, new))
    }

    fn wants_deleted(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
