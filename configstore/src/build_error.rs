//! Why a store does not start.

use crate::{mirror::RepositoryError, settings::SettingsError};
use configbus_gitstore::LockError;
use configbus_model::ErrorKind;
use configbus_proto::BearerError;
use std::{io, net::SocketAddr, path::PathBuf};

/// A store cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The access token cannot be read.
    #[error("token_file is wrong")]
    Token(#[from] BearerError),
    /// Another store works on the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data folder cannot be used.
    #[error("failed to prepare {}", path.display())]
    Data {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A mirror can be neither opened nor replaced by an empty one.
    #[error(transparent)]
    Mirror(#[from] MirrorUnusable),
    /// The address cannot be had.
    #[error("failed to listen on {addr}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// Cause.
        source: io::Error,
    },
}

/// What is wrong with a mirror.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MirrorUnusable(#[from] RepositoryError);

impl BuildError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(error) => error.kind(),
            Self::Token(_) => ErrorKind::Invalid,
            Self::Lock(error) => error.kind(),
            Self::Data { .. } | Self::Mirror(_) => ErrorKind::Internal,
            Self::Listen { .. } => ErrorKind::Unavailable,
        }
    }
}
