//! Where views come from: an agent's root, a plain directory, or memory.

pub(crate) mod agent_root;
pub(crate) mod disk_files;
pub(crate) mod file_identity;
pub(crate) mod files;
pub(crate) mod liveness;
pub(crate) mod memory_files;
pub(crate) mod plain_directory;
pub(crate) mod view;

use crate::{source::liveness::Status, source::view::View};
use std::{fmt::Debug, io, path::Path};

/// What a source has to offer.
#[derive(Debug)]
pub(crate) enum Newest {
    /// What the caller holds.
    Held,
    /// Another view.
    Flipped(View),
    /// Perhaps the same files, perhaps not: nothing tells but looking at each.
    Perhaps(View),
}

/// Gives views. An agent's root, a plain directory, or memory.
pub(crate) trait Source: Debug + Send + Sync {
    /// Returns the newest view, unless it is `held`.
    fn newest(&self, held: Option<&View>) -> Result<Newest, SourceError>;

    /// Judges how sure it is that nothing is newer than `view`.
    fn status(&self, view: &View) -> Status;

    /// Returns the folder of the agent that wants to hear what readers do.
    fn agent(&self) -> Option<&Path>;
}

/// No view can be had at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("there is no view yet")]
    NoView,
    #[error("the view kept changing while it was being pinned")]
    Unsteady,
    #[error("failed to open the view")]
    Io(#[from] io::Error),
}
