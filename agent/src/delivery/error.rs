//! Why a revision could not be made visible.

use configbus_model::{CompositionError, ErrorKind, HashError, ObjectId, TreeError};
use std::{io, path::PathBuf};

/// One change to the disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {path:?}")]
pub struct DiskError {
    pub(crate) action: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

impl DiskError {
    /// Adds what was being done, and to what, to an operating-system error.
    pub(crate) fn at(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }

    /// Returns whether space, quota or inodes ran out.
    pub(crate) fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}

/// A revision was not made visible; what readers saw before, they still see.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The tree of the revision names an object that neither came nor is here.
    #[error("{kind} {id} of {place} did not arrive and is not on this host")]
    Missing {
        /// `tree` or `blob`.
        kind: &'static str,
        /// Which.
        id: ObjectId,
        /// Where in the tree.
        place: String,
    },
    /// A directory holds what no reader may see.
    #[error("tree of {place} is refused")]
    Tree {
        /// Where.
        place: String,
        /// Why.
        source: TreeError,
    },
    /// Content was made to collide.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// More than a host takes.
    #[error("revision has {actual} {what}, at most {max} are taken")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        actual: u64,
        /// The bound.
        max: u64,
    },
    /// The update is not what its envelope says.
    #[error("update is malformed: {reason}")]
    Malformed {
        /// Why.
        reason: String,
    },
    /// What is mounted where cannot be read.
    #[error("failed to read which namespaces the revision mounts")]
    MountTable(#[source] serde_json::Error),
    /// Namespaces stand in each other's way.
    #[error("namespaces cannot be shown together")]
    Mounts(#[source] CompositionError),
    /// Space, quota or inodes ran out.
    #[error("disk is full")]
    Full(#[source] DiskError),
    /// The disk refused.
    #[error(transparent)]
    Disk(DiskError),
}

impl From<DiskError> for DeliveryError {
    fn from(error: DiskError) -> Self {
        if error.is_full() { Self::Full(error) } else { Self::Disk(error) }
    }
}

impl From<CompositionError> for DeliveryError {
    fn from(error: CompositionError) -> Self {
        match error {
            CompositionError::Missing { id, place } => Self::Missing { kind: "tree", id: id.into(), place },
            CompositionError::Hash(error) => Self::Hash(error),
            other => Self::Mounts(other),
        }
    }
}

/// What helps after a failed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Asking for everything instead of a difference.
    FullSync,
    /// Asking again: what came was broken.
    AskAgain,
    /// Waiting: the host cannot take it now.
    Later,
}

impl DeliveryError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Tree { .. } | Self::Hash(_) | Self::Malformed { .. } | Self::MountTable(_) | Self::Mounts(_) => {
                ErrorKind::Invalid
            }
            Self::TooLarge { .. } | Self::Full(_) => ErrorKind::Exhausted,
            Self::Disk(_) => ErrorKind::Internal,
        }
    }

    /// Returns what may help.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Missing { .. } => Remedy::FullSync,
            Self::Tree { .. } | Self::Hash(_) | Self::Malformed { .. } => Remedy::AskAgain,
            Self::TooLarge { .. } | Self::MountTable(_) | Self::Mounts(_) | Self::Full(_) | Self::Disk(_) => {
                Remedy::Later
            }
        }
    }
}
