//! Why something cannot be read.

use crate::{ObjectKind, git::ChildError};
use configbus_model::{CommitId, ErrorKind, ObjectId, PathError, TreeError, TreeId};
use std::path::PathBuf;

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
    #[error("object {id} is no {}", expected.as_git())]
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
    /// An entry of a directory is not of Git's form.
    #[error("directory {id} has an entry that cannot be read")]
    MalformedTree {
        /// Which.
        id: TreeId,
    },
    /// A path in a tree is none that readers may see.
    #[error("a path cannot be delivered")]
    Path(#[from] PathError),
    /// Directories are nested so deep that it can only be an attack.
    #[error("directories are nested more than {depth_max} deep at {path:?}")]
    TooDeep {
        /// The beginning of the path.
        path: String,
        /// The bound.
        depth_max: usize,
    },
    /// More files differ than can be looked at one by one.
    #[error("at least {found} files differ; bring them in several steps")]
    TooMany {
        /// How many there are at least.
        found: u64,
    },
    /// A tree has more files than are looked through.
    #[error("the tree has more than {files_max} files, too many to look through")]
    TreeTooLarge {
        /// The bound.
        files_max: usize,
    },
    /// The paths of the files that differ are too long to be looked at one by one.
    #[error(
        "the paths of the files that differ have more than {bytes_max} bytes together; bring them in several steps"
    )]
    PathsTooLong {
        /// The bound.
        bytes_max: u64,
    },
    /// A directory, commit or tag is so large that it can only be an attack.
    #[error("{} {id} has {bytes} bytes, at most {} are read", kind.as_git(), kind.bytes_max())]
    TooLarge {
        /// Which.
        id: ObjectId,
        /// What it is.
        kind: ObjectKind,
        /// Its size.
        bytes: u64,
    },
    /// A commit is not of Git's form.
    #[error("commit {id} is malformed")]
    Commit {
        /// Which.
        id: CommitId,
    },
    /// The folder does not lie where the objects of a push to this repository are kept.
    #[error("{path} is no quarantine of this repository")]
    Quarantine {
        /// Which.
        path: PathBuf,
    },
    /// A file of the repository cannot be read.
    #[error("failed to read {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// History cannot be walked.
    #[error("failed to walk history from {id}")]
    Walk {
        /// Where the walk started.
        id: ObjectId,
        /// Cause.
        source: git2::Error,
    },
    /// Git does not answer.
    #[error("history cannot be read")]
    Child(#[from] ChildError),
}

impl ReadError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Tree { .. }
            | Self::MalformedTree { .. }
            | Self::Path(_)
            | Self::TooDeep { .. }
            | Self::TooMany { .. }
            | Self::TreeTooLarge { .. }
            | Self::PathsTooLong { .. }
            | Self::TooLarge { .. } => ErrorKind::Rejected,
            Self::Child(error) => error.kind(),
            Self::WrongKind { .. } | Self::Quarantine { .. } => ErrorKind::Invalid,
            Self::Open { .. } | Self::Object { .. } | Self::Commit { .. } | Self::Walk { .. } | Self::Io { .. } => {
                ErrorKind::Internal
            }
        }
    }
}
