//! One namespace's repository.

use crate::{
    CandidateView, Commit, CommitMeta, EditError, EditLanding, FolderLock, ForeignError, ForeignWrite, LandError,
    ListQuery, Listing, LogPage, MoveHeadError, ObjectKind, PackError, Patch, PushLanding, Quarantine, ReadError,
    RepositorySettings, StagedEdits, TreeEdit, Upkeep, UpkeepError,
};
use bytes::Bytes;
use configbus_model::{BlobId, Change, CommitId, ConfigPath, Entry, ErrorKind, Revision, Tree, TreeId};
use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A revision of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadCommit {
    /// Its identity.
    pub commit: CommitId,
    /// Its content.
    pub tree: TreeId,
    /// Its position.
    pub revision: Revision,
    /// When it landed, by the server's clock.
    pub landed_ms: u64,
}

/// Why a repository cannot be opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none, or it has a working copy.
    #[error("{path} is not a bare Git repository")]
    NotARepository {
        /// Where.
        path: PathBuf,
    },
    /// Something stands where it should be made.
    #[error("{path} exists already")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// libgit2 failed.
    #[error("failed to open repository {path}")]
    Git {
        /// Where.
        path: PathBuf,
        /// Cause.
        source: git2::Error,
    },
    /// The disk fails.
    #[error("failed to work on {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Its history cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl OpenError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotARepository { .. } => ErrorKind::NotFound,
            Self::Exists { .. } => ErrorKind::Conflict,
            Self::Git { .. } => ErrorKind::Internal,
            Self::Io { source, .. } => crate::land::write_kind(source),
            Self::Read(error) => error.kind(),
        }
    }
}

/// A bare repository with one head, `refs/heads/main`. Cheap to clone; clones share caches and the published head.
///
/// One process at a time may land in it: hold a [`FolderLock`] on the folder around it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<PathBuf>,
}

impl Store {
    /// Makes a repository in `dir`, which must not exist; complete or not at all.
    pub fn create(_dir: &Path, _settings: &RepositorySettings) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Opens the repository in `dir`. Its configuration stays as it is.
    pub fn open(_dir: &Path) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Opens the repository in `dir` and applies the settings, or makes one.
    pub fn open_or_create(_dir: &Path, _settings: &RepositorySettings) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Returns the repository's folder.
    pub fn dir(&self) -> &Path {
        &self.inner
    }

    /// Removes what killed predecessors left behind (locks, temporary objects, quarantines) and returns what it was.
    /// The lock proves that nobody else is at work.
    pub fn clear_leftovers(&self, _lock: &FolderLock) -> Result<Vec<PathBuf>, io::Error> {
        unimplemented!()
    }

    /// Returns the newest durable revision; `None` when there is no commit yet.
    pub fn head(&self) -> Option<HeadCommit> {
        unimplemented!()
    }

    /// Returns a revision; `None` when it does not exist.
    pub fn commit_at(&self, _revision: Revision) -> Result<Option<HeadCommit>, ReadError> {
        unimplemented!()
    }

    /// Returns a commit's position; `None` when it is not on the first-parent chain of the head.
    pub fn revision_of(&self, _commit: CommitId) -> Option<Revision> {
        unimplemented!()
    }

    /// Reads a commit.
    pub fn commit(&self, _id: CommitId) -> Result<Commit, ReadError> {
        unimplemented!()
    }

    /// Returns a commit's content.
    pub fn tree_of(&self, _commit: CommitId) -> Result<TreeId, ReadError> {
        unimplemented!()
    }

    /// Reads a directory.
    pub fn tree(&self, _id: TreeId) -> Result<Tree, ReadError> {
        unimplemented!()
    }

    /// Reads a file's content.
    pub fn blob(&self, _id: BlobId) -> Result<Bytes, ReadError> {
        unimplemented!()
    }

    /// Returns what is at a path: a file or a directory.
    pub fn entry(&self, _commit: CommitId, _path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
        unimplemented!()
    }

    /// Returns a file and its content; `None` when nothing or a directory is at the path.
    pub fn file(&self, _commit: CommitId, _path: &ConfigPath) -> Result<Option<(Entry, Bytes)>, ReadError> {
        unimplemented!()
    }

    /// Lists a directory; `None` when nothing is at the prefix.
    pub fn list(&self, _commit: CommitId, _query: &ListQuery<'_>) -> Result<Option<Listing>, ReadError> {
        unimplemented!()
    }

    /// Returns first-parent history from a revision backwards, optionally only of one file or directory.
    pub fn log(&self, _from: Revision, _path: Option<&ConfigPath>, _limit: usize) -> Result<LogPage, ReadError> {
        unimplemented!()
    }

    /// Returns the files that differ, at or below a prefix (empty for all). Without `from`, all files.
    pub fn diff(&self, _from: Option<CommitId>, _to: CommitId, _prefix: &str) -> Result<Vec<Change>, ReadError> {
        unimplemented!()
    }

    /// Returns the same difference as text, cut at a few megabytes.
    pub fn patch(&self, _from: Option<CommitId>, _to: CommitId, _prefix: &str) -> Result<Patch, ReadError> {
        unimplemented!()
    }

    /// Hands out the directories and file contents of `to` that differ from what `from` has *at the same path*, each
    /// once, directories before what is in them. Without `from`, everything.
    ///
    /// Same path, because the result is then enough for a host that keeps only some paths; a rename sends its files.
    pub fn delta(
        &self,
        _from: Option<TreeId>,
        _to: TreeId,
        _sink: &mut dyn FnMut(ObjectKind, Bytes) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        unimplemented!()
    }

    /// Applies edits to a tree (`None`: the empty one) without writing anything.
    pub fn stage_edits(&self, _base: Option<TreeId>, _edits: &[TreeEdit]) -> Result<StagedEdits, EditError> {
        unimplemented!()
    }

    /// Makes a commit with the edits durable. Follow with [`Store::move_head`].
    pub fn land_edits(
        &self,
        _running: Option<&HeadCommit>,
        _edits: &[TreeEdit],
        _meta: &CommitMeta,
    ) -> Result<EditLanding, LandError> {
        unimplemented!()
    }

    /// Makes a push durable, and the merge if the head has moved; `meta` is for that merge. Follow with
    /// [`Store::move_head`].
    pub fn land_push(
        &self,
        _running: Option<&HeadCommit>,
        _tip: CommitId,
        _meta: &CommitMeta,
    ) -> Result<PushLanding, LandError> {
        unimplemented!()
    }

    /// Moves the head durably if it still is `expected`, then publishes it. `expected` must be on the first-parent chain
    /// of `new`.
    pub fn move_head(
        &self,
        _expected: Option<CommitId>,
        _new: CommitId,
        _landed_ms: u64,
    ) -> Result<HeadCommit, MoveHeadError> {
        unimplemented!()
    }

    /// Looks whether somebody else moved the head's ref. What builds on the head and passes `gate` (called with the old
    /// and the new content) is adopted; anything else is put aside under `refs/configbus/foreign/` and the ref put back.
    pub fn adopt_or_restore(
        &self,
        _now_ms: u64,
        _gate: &mut dyn FnMut(Option<&HeadCommit>, &HeadCommit) -> bool,
    ) -> Result<ForeignWrite, ForeignError> {
        unimplemented!()
    }

    /// Returns the commits that a pushing client is told about: the head, the 63 before it and then each power of two back.
    pub fn have_commits(&self) -> Vec<CommitId> {
        unimplemented!()
    }

    /// Opens the repository as a candidate without anything new.
    pub fn open_candidate(&self) -> Result<CandidateView, ReadError> {
        unimplemented!()
    }

    /// Opens the repository together with staged edits.
    pub fn open_staged(&self, _staged: &StagedEdits) -> Result<CandidateView, ReadError> {
        unimplemented!()
    }

    /// Opens the repository together with the objects of a push that is not accepted yet.
    pub fn open_quarantined(&self, _quarantine: &Quarantine) -> Result<CandidateView, ReadError> {
        unimplemented!()
    }

    /// Writes a pack with everything `to` has and `from` has not.
    pub fn pack_between(&self, _from: CommitId, _to: CommitId, _writer: &mut dyn io::Write) -> Result<(), PackError> {
        unimplemented!()
    }

    /// Joins small packs when there are many. Cheap when there is nothing to do.
    pub fn upkeep(&self) -> Result<Upkeep, UpkeepError> {
        unimplemented!()
    }
}
