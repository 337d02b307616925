//! The mounts that are in force: what the file of `main` says at its head.

use configbus_gitstore::{ReadError, Store};
use configbus_model::{CommitId, ConfigPath, ErrorKind, MOUNTS, MountTable};
use std::sync::{Arc, PoisonError, RwLock};

/// The table of mounts cannot be read. The gate lets nobody but the bus write it, so it is of another release or damaged.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    /// It is no table, or one of a later release.
    #[error("cannot read {MOUNTS} of main at {commit}")]
    Parse {
        /// Where it is.
        commit: CommitId,
        /// Why.
        source: serde_json::Error,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl MountsError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse { .. } => ErrorKind::Unsupported,
            Self::Read(error) => error.kind(),
        }
    }
}

/// Shows the mounts. Only the committer of `main` changes them, before it shows the head that has them: who sees the
/// head and asks for the mounts sees those, or later ones.
#[derive(Debug, Default)]
pub(crate) struct MountBoard(RwLock<Arc<MountTable>>);

impl MountBoard {
    /// Returns the mounts.
    pub(crate) fn current(&self) -> Arc<MountTable> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what `main` says at its head.
    pub(crate) fn refresh(&self, main: &Store) -> Result<(), MountsError> {
        let table = match main.head() {
            Some(head) => mounts_at(main, head.commit)?,
            None => MountTable::default(),
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        Ok(())
    }
}

/// Returns the path of the file.
pub(crate) fn mounts_path() -> ConfigPath {
    ConfigPath::parse(MOUNTS).expect("the path of the mounts is a path")
}

/// Returns the mounts that a commit of `main` has.
pub(crate) fn mounts_at(main: &Store, commit: CommitId) -> Result<MountTable, MountsError> {
    let Some((_, content)) = main.file(commit, &mounts_path())? else { return Ok(MountTable::default()) };
    serde_json::from_slice(&content).map_err(|source| MountsError::Parse { commit, source })
}
