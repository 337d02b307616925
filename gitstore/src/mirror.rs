//! A repository that follows another one.

use crate::{HeadCommit, LockError, MoveHeadError, OpenError, PackError, ReadError, Store, git::ChildError};
use configbus_model::{CommitId, ErrorKind};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Proves who fetches. Travels in the environment of the child, never in its arguments.
#[derive(Clone, Default)]
pub enum FetchAuth {
    /// The upstream asks for nothing.
    #[default]
    None,
    /// `Authorization: Bearer <token>`.
    Bearer(String),
}

/// Where and how to fetch.
#[derive(Clone)]
pub struct Upstream {
    /// URL of the repository.
    pub url: String,
    /// Proof of identity.
    pub auth: FetchAuth,
    /// Longest time one fetch may take.
    pub deadline: Duration,
}

/// Why a mirror does not follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// It cannot be opened or made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Git failed to fetch.
    #[error("failed to fetch from the upstream")]
    Fetch(#[from] ChildError),
    /// Something it should have is missing or damaged: rebuild it.
    #[error("mirror is damaged")]
    Damaged(#[source] ReadError),
    /// A pack is damaged or does not fit.
    #[error("failed to index a pack")]
    Pack(#[source] git2::Error),
    /// Its head cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    /// The disk or the sender fails.
    #[error("failed to work on {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl MirrorError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Damaged(_) | Self::Pack(_) => ErrorKind::Internal,
            Self::Move(error) => error.kind(),
            Self::Io { source, .. } => crate::land::write_kind(source),
        }
    }
}

/// A bare repository that is always forced to its upstream's head, never merged.
///
/// Objects come in first (`fill` or `index_pack`), are verified, and only then does the head move; so readers never meet
/// a head that is not complete.
pub struct Mirror {
    dir: PathBuf,
    store: Store,
}

impl Mirror {
    /// Opens the mirror in `dir` or makes an empty one. A folder that is no repository is an error: [`Mirror::reset`].
    pub fn open_or_create(_dir: &Path) -> Result<Self, MirrorError> {
        unimplemented!()
    }

    /// Moves whatever is in `dir` out of the way and makes an empty mirror; for a mirror that cannot even be opened.
    pub fn reset(_dir: &Path) -> Result<Self, MirrorError> {
        unimplemented!()
    }

    /// Returns the repository for reading. Ask again after a rebuild.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Fetches the upstream's `main` with stock Git and returns its head, `None` when it has none. The mirror's own head
    /// stays.
    pub fn fill(&self, _upstream: &Upstream) -> Result<Option<CommitId>, MirrorError> {
        unimplemented!()
    }

    /// Takes in a pack as [`Store::pack_between`] sends it, at most `bytes_max` long. The mirror's head stays.
    pub fn index_pack(&self, _reader: &mut dyn io::Read, _bytes_max: u64) -> Result<(), MirrorError> {
        unimplemented!()
    }

    /// Checks that everything the commit's content consists of is there.
    pub fn verify(&self, _commit: CommitId) -> Result<(), MirrorError> {
        unimplemented!()
    }

    /// Checks what `commit` has and the mirror's head has not: the cost of the change.
    pub fn verify_step(&self, _commit: CommitId) -> Result<(), MirrorError> {
        unimplemented!()
    }

    /// Makes `commit` the head, wherever the head was. `landed_ms` is what the upstream said of it.
    pub fn set_head(&self, _commit: CommitId, _landed_ms: Option<u64>) -> Result<HeadCommit, MirrorError> {
        unimplemented!()
    }

    /// Fetches everything anew into a folder beside, verifies it, and swaps the two; readers go on undisturbed.
    pub fn rebuild_beside(&self, _upstream: &Upstream) -> Result<Option<HeadCommit>, MirrorError> {
        let _ = &self.dir;
        unimplemented!()
    }
}

const _: fn(LockError, PackError) = |_, _| {};
