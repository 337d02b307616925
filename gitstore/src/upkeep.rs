//! Keeping the number of packs small.

use crate::git::ChildError;
use configbus_model::ErrorKind;
use std::{io, path::PathBuf};

/// What upkeep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// There are few packs.
    NotNeeded {
        /// How many.
        packs: usize,
    },
    /// Another one is running.
    Busy,
    /// Small packs were joined.
    Joined {
        /// Packs before.
        before: usize,
        /// Packs after.
        after: usize,
    },
}

/// Why upkeep failed. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// Git failed.
    #[error("failed to join packs")]
    Child(#[from] ChildError),
    /// The disk fails.
    #[error("failed to work on {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl UpkeepError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Child(error) => error.kind(),
            Self::Io { source, .. } => crate::land::write_kind(source),
        }
    }
}
