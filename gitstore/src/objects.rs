//! Reading objects.

use configbus_model::{CommitId, ErrorKind, ObjectId, TreeError, TreeId};
use std::path::PathBuf;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A point in history.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The repository cannot be opened.
    #[error("failed to open repository {path}")]
    Open {
        /// Where.
        path: PathBuf,
        /// Cause.
        source: git2::Error,
    },
    /// There is no such object.
    #[error("object {id} is missing")]
    Missing {
        /// Which.
        id: ObjectId,
    },
    /// The object is damaged or the disk fails.
    #[error("failed to read object {id}")]
    Object {
        /// Which.
        id: ObjectId,
        /// Cause.
        source: git2::Error,
    },
    /// An id was used for something it does not name.
    #[error("object {id} is no {expected:?}")]
    WrongKind {
        /// Which.
        id: ObjectId,
        /// What was wanted.
        expected: ObjectKind,
    },
    /// A directory holds something that no reader may see.
    #[error("directory {id} cannot be delivered")]
    Tree {
        /// Which.
        id: TreeId,
        /// Cause.
        source: TreeError,
    },
    /// A commit is not of Git's form.
    #[error("commit {id} is malformed")]
    Commit {
        /// Which.
        id: CommitId,
    },
    /// History cannot be walked.
    #[error("failed to walk history from {id}")]
    Walk {
        /// Where the walk started.
        id: ObjectId,
        /// Cause.
        source: git2::Error,
    },
}

impl ReadError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Tree { .. } => ErrorKind::Rejected,
            Self::WrongKind { .. } => ErrorKind::Invalid,
            Self::Open { .. } | Self::Object { .. } | Self::Commit { .. } | Self::Walk { .. } => ErrorKind::Internal,
        }
    }
}
