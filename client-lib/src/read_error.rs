//! What reading from a snapshot can end with.

use crate::ParseError;
use configbus_model::{ConfigPath, ErrorKind, PathError, Revision};
use std::io;

/// A file cannot be had from a snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Nothing is there.
    #[error("{path} does not exist at {revision}")]
    NotFound {
        /// The path.
        path: ConfigPath,
        /// Revision of the snapshot.
        revision: Revision,
    },
    /// It does not parse.
    #[error("{path} at {revision} does not parse")]
    Parse {
        /// The path.
        path: ConfigPath,
        /// Revision of the snapshot.
        revision: Revision,
        /// Where and why.
        source: ParseError,
    },
    /// Nothing says how it is written.
    #[error("{path} has no extension that stands for a format; expected .json, .yaml, .yml or .toml")]
    UnknownFormat {
        /// The path.
        path: ConfigPath,
    },
    /// There is no directory to read from.
    #[error("failed to open the newest view")]
    NoView {
        /// Why.
        source: io::Error,
    },
    /// The disk does not give it.
    #[error("failed to read {path}")]
    Io {
        /// The path; of a listing, what is listed.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl ReadError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Path(_) | Self::UnknownFormat { .. } => ErrorKind::Invalid,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Parse { .. } => ErrorKind::Rejected,
            Self::NoView { .. } => ErrorKind::Unavailable,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::IsADirectory => ErrorKind::NotFound,
            Self::Io { .. } => ErrorKind::Internal,
        }
    }
}
