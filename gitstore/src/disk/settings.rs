//! What a repository is told about itself.

use std::path::PathBuf;

/// Options of one repository, written into its configuration so that they hold for whoever opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Folder of the hooks, absolute. Without it no hook runs.
    pub hooks_dir: Option<PathBuf>,
    /// Largest pack a push may send.
    pub push_bytes_max: u64,
}

impl Default for RepositorySettings {
    fn default() -> Self {
        Self { hooks_dir: None, push_bytes_max: 256 * 1024 * 1024 }
    }
}
