//! Writes to the head's ref by somebody else.

use crate::{HeadCommit, MoveHeadError, ReadError};
use configbus_model::{CommitId, ErrorKind};

/// What was found where the head should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignWrite {
    /// The ref is where it was left.
    None,
    /// It moved forward, the caller's gate let it pass, and it is the head now.
    Adopted(HeadCommit),
    /// It was put back.
    Restored {
        /// What was there; `None` when the ref had been deleted.
        found: Option<CommitId>,
        /// Ref that keeps what was there.
        kept_as: Option<String>,
    },
}

/// Why a foreign write could not be dealt with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// The ref cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    /// What was found cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ForeignError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Move(error) => error.kind(),
            Self::Read(error) => error.kind(),
        }
    }
}
