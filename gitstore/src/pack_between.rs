//! The pack that leads from one commit to another.

use crate::ReadError;
use configbus_model::{CommitId, ErrorKind};
use std::io;

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The receiver's commit is not known here, or `to` does not build on it.
    #[error("{to} does not build on {from}")]
    NotAncestor {
        /// What the receiver has.
        from: CommitId,
        /// What it wants.
        to: CommitId,
    },
    /// So much lies between them that `git fetch` is the better way.
    #[error("more than {commits_max} commits lie between {from} and {to}")]
    TooFar {
        /// What the receiver has.
        from: CommitId,
        /// What it wants.
        to: CommitId,
        /// The bound.
        commits_max: usize,
    },
    /// Objects cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The receiver went away.
    #[error("failed to send a pack")]
    Write(#[source] io::Error),
}

impl PackError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAncestor { .. } | Self::TooFar { .. } => ErrorKind::NotFound,
            Self::Read(error) => error.kind(),
            Self::Write(_) => ErrorKind::Unavailable,
        }
    }
}
