//! One namespace's repository: opening it, and what its parts share.

use crate::{
    FolderLock, LeftoversError, ReadError, RepositorySettings,
    disk::{
        handles::{Handles, Lease},
        journal::{self, Journal},
        landings::{self, Landings},
        leftovers,
        names::Names,
        refs, repository, write_kind,
    },
    read::{
        objects::{Objects, Staged},
        tree_lookup::TreeCache,
    },
};
use configbus_model::{CommitId, ErrorKind, Revision, TreeId};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Directories kept in memory. A namespace of 100,000 files has 4 MB of them.
const TREE_CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;

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
            Self::Io { source, .. } => write_kind(source),
            Self::Read(error) => error.kind(),
        }
    }
}

/// A bare repository with one head, `refs/heads/main`. Cheap to clone; clones share caches and the published head.
///
/// One process at a time may land in it: hold a [`FolderLock`] on the folder around it.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) dir: PathBuf,
    pub(crate) handles: Arc<Handles>,
    pub(crate) trees: Arc<TreeCache>,
    landings: RwLock<Landings>,
    /// Who landed what, by number.
    names: Mutex<Names>,
    published: RwLock<Option<HeadCommit>>,
    moving: Mutex<()>,
    pub(crate) journal: Journal,
    /// Held while what the journal has is made durable elsewhere; taken after `moving`.
    pub(crate) checkpointing: Mutex<()>,
    pub(crate) upkeep: Mutex<crate::upkeep::Retired>,
    /// The newest revision that this process has put into the index of changed paths.
    pub(crate) history_indexed: Mutex<u64>,
}

impl Store {
    /// Makes a repository in `dir`, which must not exist; complete or not at all.
    pub fn create(dir: &Path, settings: &RepositorySettings) -> Result<Self, OpenError> {
        repository::create(dir, settings)?;
        Self::open(dir)
    }

    /// Opens the repository in `dir`, after what its journal holds and the disk may have lost was made again: nobody may
    /// land in it meanwhile. Its configuration stays as it is.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let dir = std::path::absolute(dir).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        repository::check(&dir)?;
        let failed = |source| OpenError::Io { path: dir.join("configbus/journal-0"), source };
        let replayed = journal::replay(&dir).map_err(failed)?;
        if replayed > 0 {
            tracing::info!(repository = %dir.display(), landings = replayed, "the last landings were read from the journal");
        }
        let path = dir.join("configbus/landings");
        let landings = Landings::open(&path).map_err(|source| OpenError::Io { path, source })?;
        let path = dir.join("configbus/names");
        let names = Names::open(&path).map_err(|source| OpenError::Io { path, source })?;
        let inner = Inner {
            handles: Arc::new(Handles::new(&dir)),
            trees: Arc::new(TreeCache::new(TREE_CACHE_BYTES_MAX)),
            landings: RwLock::new(landings),
            names: Mutex::new(names),
            published: RwLock::default(),
            moving: Mutex::default(),
            journal: Journal::new(dir.join("configbus")),
            checkpointing: Mutex::default(),
            upkeep: Mutex::default(),
            history_indexed: Mutex::default(),
            dir,
        };
        let store = Self { inner: Arc::new(inner) };
        let head = refs::read(store.dir(), refs::MAIN)?;
        store.repair_landings(head)?;
        let head = head.map(|commit| store.newest(commit)).transpose()?;
        *store.published_mut() = head;
        Ok(store)
    }

    /// Opens the repository in `dir` and applies the settings, or makes one.
    pub fn open_or_create(dir: &Path, settings: &RepositorySettings) -> Result<Self, OpenError> {
        if !dir.exists() {
            return Self::create(dir, settings);
        }
        repository::check(dir)?;
        repository::apply_settings(dir, settings)?;
        Self::open(dir)
    }

    /// Returns the repository's folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Returns the newest durable revision; `None` when there is no commit yet.
    pub fn head(&self) -> Option<HeadCommit> {
        *self.inner.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what killed predecessors left behind (locks, temporary objects, quarantines) and returns what it was.
    /// The lock proves that nobody else is at work.
    pub fn clear_leftovers(&self, _proof: &FolderLock) -> Result<Vec<PathBuf>, LeftoversError> {
        leftovers::clear(self.dir())
    }

    /// Calls `read` with an open repository.
    pub(crate) fn with_objects<T, E: From<ReadError>>(
        &self,
        read: impl FnOnce(&Objects<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let lease = self.lease()?;
        let objects = Objects::new(&lease, &self.inner.trees, Staged::default())?;
        read(&objects)
    }

    pub(crate) fn lease(&self) -> Result<Lease, ReadError> {
        self.inner.handles.lease()
    }

    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.dir().join("objects")
    }

    pub(crate) fn landings(&self) -> RwLockReadGuard<'_, Landings> {
        // Records are counted one by one after they are synced: whatever is counted is right.
        self.inner.landings.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn names(&self) -> MutexGuard<'_, Names> {
        // A name counts once it is on disk: whatever is there is right.
        self.inner.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn landings_mut(&self) -> RwLockWriteGuard<'_, Landings> {
        self.inner.landings.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn published_mut(&self) -> RwLockWriteGuard<'_, Option<HeadCommit>> {
        self.inner.published.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps two threads from moving the head at once; the ref's lock keeps processes apart.
    pub(crate) fn moving(&self) -> MutexGuard<'_, ()> {
        self.inner.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the records lead to `head`.
    pub(crate) fn repair_landings(&self, head: Option<CommitId>) -> Result<(), ReadError> {
        let mut landings = self.landings_mut();
        let path = self.dir().join("configbus/landings");
        let failed = |source| ReadError::Io { path: path.clone(), source };
        let repair = self.with_objects(|objects| {
            landings::repair(&landings, head, |commit| {
                let commit = objects.commit(commit)?;
                Ok::<_, RepairError>((commit.parents.first().copied(), commit.committed_ms))
            })
            .map_err(|error| match error {
                RepairError::Io(source) => failed(source),
                RepairError::Read(error) => error,
            })
        })?;
        if repair.kept == landings.newest() && repair.landings.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            repository = %self.dir().display(), kept = %repair.kept, added = repair.landings.len(),
            "landing records did not lead to the head, they are made again from history"
        );
        landings.replace_after(repair.kept, &repair.landings).map_err(failed)
    }

    /// Describes the commit that the newest record is of.
    pub(crate) fn newest(&self, commit: CommitId) -> Result<HeadCommit, ReadError> {
        let tree = self.tree_of(commit)?;
        let landings = self.landings();
        let revision = landings.newest();
        let landing = self.record(&landings, revision)?;
        Ok(HeadCommit { commit, tree, revision, landed_ms: landing.map_or(0, |landing| landing.landed_ms) })
    }

    pub(crate) fn record(
        &self,
        landings: &Landings,
        revision: Revision,
    ) -> Result<Option<landings::Landing>, ReadError> {
        landings.at(revision).map_err(|source| ReadError::Io { path: self.dir().join("configbus/landings"), source })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

/// Handed from thread to thread by every caller; libgit2's types say for themselves that they may be.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Store>();
    shared::<crate::Mirror>();
    sent::<crate::CandidateView>();
};

enum RepairError {
    Io(io::Error),
    Read(ReadError),
}

impl From<io::Error> for RepairError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ReadError> for RepairError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
