//! A namespace with its repository, its head and its committer.

use super::{HeadBoard, MountBoard, MountsError};
use crate::committer::Committer;
use crate::data::{DataError, DataFolder};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::requests::Requests;
use configbus_gitstore::{HeadCommit, LeftoversError, NamedCommit, OpenError, ReadError, RepositorySettings, Store};
use configbus_hooks::Gate;
use configbus_model::{At, Epoch, ErrorKind, Head, Namespace, Revision};
use configbus_runtime::{BlockingPool, CancellationToken};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads of one namespace at a time; more wait. Twice the cores of a small machine, so that a slow disk does not idle
/// them and one tenant does not take all threads.
const READS_MAX: usize = 8;

/// Pushes of one namespace checked at a time. Each uses several threads already.
const PUSH_CHECKS_MAX: usize = 2;

/// Edits of one namespace checked at a time. Apart from pushes, of which one may take half a second.
const EDIT_CHECKS_MAX: usize = 8;

/// Questions about long histories at a time. Each is a Git child that reads for up to a second or more.
const DIGS_MAX: usize = 2;

/// Packs written to stores at a time. Each may block for as long as its reader is slow, so they have no share in reads.
const TRANSFERS_MAX: usize = 32;

/// Why a namespace cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenNamespaceError {
    /// Its repository cannot be opened.
    #[error("cannot open namespace {namespace}")]
    Open {
        /// Which.
        namespace: Namespace,
        /// Why.
        source: OpenError,
    },
    /// What a killed predecessor left cannot be removed.
    #[error("cannot clear leftovers in namespace {namespace}")]
    Leftovers {
        /// Which.
        namespace: Namespace,
        /// Why.
        source: LeftoversError,
    },
    /// The folder of namespaces cannot be read.
    #[error(transparent)]
    Data(DataError),
    /// What is mounted where cannot be read.
    #[error(transparent)]
    Mounts(MountsError),
}

impl OpenNamespaceError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { source, .. } => source.kind(),
            Self::Leftovers { .. } => ErrorKind::Internal,
            Self::Data(error) => error.kind(),
            Self::Mounts(error) => error.kind(),
        }
    }
}

/// What the facades read from and hand changes to.
pub(crate) struct LiveNamespace {
    pub(crate) name: Namespace,
    pub(crate) store: Store,
    pub(crate) gate: Arc<Gate>,
    pub(crate) board: Arc<HeadBoard>,
    pub(crate) committer: Committer,
    /// What is mounted where, here and elsewhere.
    pub(crate) mounts: Arc<MountBoard>,
    /// Changes that were asked for under an id.
    pub(crate) requests: Arc<Requests>,
    /// Bounds the Git children of clients that fetch.
    pub(crate) fetches: Arc<Semaphore>,
    /// Bounds the Git children of clients that push: clones cannot keep them out.
    pub(crate) pushes: Arc<Semaphore>,
    pub(crate) limits: Limits,
    /// Cancelled when the namespace is served no longer.
    pub(crate) retired: CancellationToken,
    epoch: Epoch,
    reads: BlockingPool,
    push_checks: BlockingPool,
    edit_checks: BlockingPool,
    transfers: BlockingPool,
    digs: BlockingPool,
}

/// Opens or makes the repository of a namespace and clears what a killed server left in it.
pub(crate) fn open_repository(
    data: &DataFolder,
    namespace: &Namespace,
    limits: &Limits,
) -> Result<Store, OpenNamespaceError> {
    let settings = RepositorySettings { hooks_dir: Some(data.hooks()), push_bytes_max: limits.push_bytes_max };
    let named = || namespace.clone();
    let store = Store::open_or_create(&data.repository(namespace), &settings)
        .map_err(|source| OpenNamespaceError::Open { namespace: named(), source })?;
    let leftovers = store
        .clear_leftovers(data.lock())
        .map_err(|source| OpenNamespaceError::Leftovers { namespace: named(), source })?;
    if !leftovers.is_empty() {
        tracing::warn!(%namespace, count = leftovers.len(), "cleared what a killed server left in {namespace}");
    }
    Ok(store)
}

/// Places a commit of the repository among the heads of an epoch.
pub(crate) fn head_of(epoch: Epoch, commit: &HeadCommit, traceparent: Option<String>) -> Head {
    Head {
        epoch,
        revision: commit.revision,
        commit: commit.commit,
        tree: commit.tree,
        time_ms: commit.landed_ms,
        traceparent,
    }
}

impl LiveNamespace {
    pub(crate) fn new(
        name: Namespace,
        epoch: Epoch,
        store: Store,
        gate: Arc<Gate>,
        committer: Committer,
        requests: Arc<Requests>,
        limits: &Limits,
    ) -> Self {
        let head = store.head().map(|commit| head_of(epoch, &commit, None));
        Self {
            board: Arc::new(HeadBoard::new(head)),
            fetches: Arc::new(Semaphore::new(limits.git_children_max)),
            pushes: Arc::new(Semaphore::new(limits.git_children_max)),
            reads: BlockingPool::new(READS_MAX),
            push_checks: BlockingPool::new(PUSH_CHECKS_MAX),
            edit_checks: BlockingPool::new(EDIT_CHECKS_MAX),
            transfers: BlockingPool::new(TRANSFERS_MAX),
            digs: BlockingPool::new(DIGS_MAX),
            limits: limits.clone(),
            mounts: Arc::default(),
            retired: CancellationToken::new(),
            name,
            epoch,
            store,
            gate,
            committer,
            requests,
        }
    }

    /// Has it know what is mounted where.
    pub(super) fn with_mounts(self, mounts: Arc<MountBoard>) -> Self {
        Self { mounts, ..self }
    }

    /// Reads from the repository off the async threads.
    pub(crate) async fn read<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: Into<Failure> + Send + 'static,
    {
        let store = self.store.clone();
        self.reads.run(move || work(&store)).await.map_err(Into::into)
    }

    /// Runs the check of a push off the async threads.
    pub(crate) async fn check_push<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.push_checks.run(work).await
    }

    /// Runs the check of edits off the async threads.
    pub(crate) async fn check_edits<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.edit_checks.run(work).await
    }

    /// Reads far back in history off the async threads, apart from reads that take no time.
    pub(crate) async fn dig<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: Into<Failure> + Send + 'static,
    {
        let store = self.store.clone();
        self.digs.run(move || work(&store)).await.map_err(Into::into)
    }

    /// Runs work that may wait for a peer off the async threads.
    pub(crate) async fn transfer<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.transfers.run(work).await
    }

    /// Returns the generation of its history.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the head, or an empty namespace's failure.
    pub(crate) fn head(&self) -> Result<Head, Failure> {
        let empty = || Failure::not_found(format!("namespace {} has no commit yet: push one first", self.name));
        self.board.current().ok_or_else(empty)
    }

    /// Returns the head, or the revision that was asked for.
    pub(crate) async fn head_at(self: &Arc<Self>, revision: Option<Revision>) -> Result<Head, Failure> {
        let head = self.head()?;
        let Some(revision) = revision.filter(|revision| *revision != head.revision) else { return Ok(head) };
        let newest = head.revision;
        let commit = self.read(move |store| store.commit_at(revision)).await?;
        let commit = commit.ok_or_else(|| {
            Failure::not_found(format!("{revision} does not exist in {}, the head is {newest}", self.name))
        })?;
        Ok(head_of(self.epoch, &commit, None))
    }

    /// Returns the revision that a point in history names.
    pub(crate) async fn head_at_point(self: &Arc<Self>, at: &At) -> Result<Head, Failure> {
        match at {
            At::Revision(revision) => self.head_at(Some(*revision)).await,
            At::Time(ms) => {
                let ms = *ms;
                match self.read(move |store| store.revision_at(ms)).await? {
                    Revision::ZERO => Err(Failure::not_found(format!("{} had no commit yet at {at}", self.name))),
                    revision => self.head_at(Some(revision)).await,
                }
            }
            At::Commit(prefix) => {
                let looked_up = prefix.clone();
                match self.read(move |store| store.find_commit(&looked_up)).await? {
                    NamedCommit::Revision(revision) => self.head_at(Some(revision)).await,
                    NamedCommit::Ambiguous => {
                        Err(Failure::invalid(format!("{at} names several objects: give more digits")))
                    }
                    NamedCommit::Nothing => Err(Failure::not_found(format!(
                        "no revision of {} is commit {at}: what came inside a push is part of the revision that landed it",
                        self.name
                    ))),
                }
            }
        }
    }

    /// Returns the head, or the revision that a point in history names.
    pub(crate) async fn head_or_point(self: &Arc<Self>, at: Option<&At>) -> Result<Head, Failure> {
        match at {
            None => self.head(),
            Some(at) => self.head_at_point(at).await,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        // Ids that readers pass were looked up on the way; an object that is missing then is damage.
        match error.kind() {
            ErrorKind::Invalid => Self::invalid(error),
            ErrorKind::Unavailable => {
                tracing::warn!("history cannot be read: {}", configbus_runtime::report::chain(&error));
                Self::new(ErrorKind::Unavailable, "history cannot be read right now, or not in the time there is")
            }
            _ => Self::internal(&error),
        }
    }
}
