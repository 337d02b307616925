//! Edits of single files, applied to a tree without writing anything.

use crate::ReadError;
use bytes::Bytes;
use configbus_model::{ConfigPath, EntryMode, ErrorKind, HashError, TreeId};

/// One file to change. Modes other than those of files are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEdit {
    /// Which.
    pub path: ConfigPath,
    /// How.
    pub change: TreeChange,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeChange {
    /// It gets this content; directories on its way are made.
    Put {
        /// Plain or executable; `None` keeps the mode that is there and makes new files plain.
        mode: Option<EntryMode>,
        /// The whole content.
        content: Bytes,
    },
    /// It goes, and so do directories that it leaves empty.
    Delete,
}

/// Why edits do not fit a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file to delete is not there.
    #[error("{path} does not exist")]
    Absent {
        /// Which.
        path: ConfigPath,
    },
    /// A directory stands where the file should be.
    #[error("{path} is a directory")]
    IsDirectory {
        /// Which.
        path: ConfigPath,
    },
    /// A file stands where a directory is needed.
    #[error("{path} cannot be created, {file} is a file")]
    NotDirectory {
        /// Which.
        path: ConfigPath,
        /// What is in its way.
        file: ConfigPath,
    },
    /// Two edits name the same path.
    #[error("{path} is edited twice")]
    Twice {
        /// Which.
        path: ConfigPath,
    },
    /// The mode is none of a file.
    #[error("{path} cannot get the mode of a directory")]
    Mode {
        /// Which.
        path: ConfigPath,
    },
    /// The content was made to collide.
    #[error("{path} is refused")]
    Hash {
        /// Which.
        path: ConfigPath,
        /// Cause.
        source: HashError,
    },
    /// A tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl EditError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Absent { .. } => ErrorKind::NotFound,
            Self::IsDirectory { .. } | Self::NotDirectory { .. } | Self::Twice { .. } | Self::Mode { .. } => {
                ErrorKind::Invalid
            }
            Self::Hash { .. } => ErrorKind::Rejected,
            Self::Read(error) => error.kind(),
        }
    }
}

/// Edits applied to a tree: the new root and the objects that make it up, none of them written yet.
#[derive(Debug, Clone)]
pub struct StagedEdits {
    pub(crate) tree: TreeId,
}

impl StagedEdits {
    /// Returns the root after the edits.
    pub fn tree(&self) -> TreeId {
        self.tree
    }
}
