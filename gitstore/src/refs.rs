//! The head's ref.

use crate::ReadError;
use configbus_model::{CommitId, ErrorKind};
use std::{io, path::PathBuf};

/// Why the head did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveHeadError {
    /// Somebody else moved it.
    #[error("head is {}, expected {}", shown(*actual), shown(*expected))]
    HeadMoved {
        /// What the caller took for the head.
        expected: Option<CommitId>,
        /// What the ref says.
        actual: Option<CommitId>,
    },
    /// The new head would take the old one off the first-parent chain.
    #[error("{new} does not have {expected} on its first-parent chain")]
    NotDescendant {
        /// The head.
        expected: CommitId,
        /// What should have become it.
        new: CommitId,
    },
    /// Another Git process holds the ref's lock.
    #[error("{path} is locked by another Git process")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The disk fails.
    #[error("failed to write {path}")]
    Write {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// History cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl MoveHeadError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::HeadMoved { .. } => ErrorKind::Conflict,
            Self::NotDescendant { .. } => ErrorKind::Invalid,
            Self::Locked { .. } => ErrorKind::Unavailable,
            Self::Write { source, .. } => crate::land::write_kind(source),
            Self::Read(error) => error.kind(),
        }
    }
}

fn shown(id: Option<CommitId>) -> String {
    id.map_or_else(|| "absent".to_owned(), |id| id.to_string())
}
