//! Why a delta could not be made.

use super::encode::EncodeError;
use configbus_gitstore::ReadError;
use configbus_model::{ErrorKind, TreeId};

/// A delta could not be made or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeltaError {
    /// The mirror could not be read.
    #[error("failed to read the objects of tree {to} from the mirror")]
    Read { to: TreeId, source: ReadError },
    /// The objects could not be encoded.
    #[error("failed to encode the update to tree {to}")]
    Encode { to: TreeId, source: EncodeError },
    /// A spooled part could not be read.
    #[error("failed to read a spooled update")]
    Spool(#[source] std::io::Error),
}

impl DeltaError {
    /// Returns what kind of failure it is for the subscriber: another store may do better.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Encode { source, .. } if source.kind() == ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Unavailable,
        }
    }
}
