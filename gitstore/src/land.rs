//! Landing: making a change durable on top of the running head.

use crate::{EditError, PathConflict, ReadError};
use configbus_model::{CommitId, ErrorKind, TreeId};
use std::{io, path::PathBuf};

/// What became of edits. The head has not moved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditLanding {
    /// A commit with them is durable.
    Landed {
        /// Its identity.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// The head has these contents already.
    Unchanged,
}

/// What became of a push. The head has not moved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushLanding {
    /// The head is on the tip's first-parent chain: the tip itself is the next head.
    FastForward {
        /// The pushed tip.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// A merge commit with the head as first and the tip as second parent is durable.
    Merged {
        /// The merge commit.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// The head contains the tip.
    NothingNew,
    /// Both sides changed the same paths.
    Conflict(Vec<PathConflict>),
    /// Head and tip have no commit in common.
    Unrelated,
}

/// Why a change could not be made durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LandError {
    /// The edits do not fit the head.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Something cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Something cannot be written.
    #[error("failed to write {path}")]
    Write {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Content was made to collide.
    #[error(transparent)]
    Hash(#[from] configbus_model::HashError),
}

impl LandError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Edit(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Hash(_) => ErrorKind::Rejected,
            Self::Write { source, .. } => write_kind(source),
        }
    }
}

/// A full disk is for the operator to solve and worth another try; anything else is broken.
pub(crate) fn write_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Exhausted,
        _ => ErrorKind::Internal,
    }
}
