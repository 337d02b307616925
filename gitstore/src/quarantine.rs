//! Where `receive-pack` keeps the objects of a push until pre-receive has accepted it.

use std::path::PathBuf;

/// The values of `GIT_OBJECT_DIRECTORY` and `GIT_ALTERNATE_OBJECT_DIRECTORIES` in a pre-receive hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Folder with the new objects; must be a quarantine of this repository.
    pub object_dir: PathBuf,
    /// Folders with the objects that were there; only this repository's own is allowed.
    pub alternates: Vec<PathBuf>,
}
