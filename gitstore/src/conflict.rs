//! True conflicts, named by path and by the commits that made them.

use configbus_model::{CommitId, ConfigPath, Revision};

/// How two changes of one path exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictKind {
    /// Both sides added the path with different content.
    BothAdded,
    /// Both sides changed it to different content.
    BothChanged,
    /// The head changed it, the push deleted it.
    DeletedByPush,
    /// The head deleted it, the push changed it.
    DeletedByHead,
    /// One side has a file where the other has a directory.
    FileAndDirectory,
}

/// Commit that changed a path on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// The commit.
    pub commit: CommitId,
    /// Its place in the namespace's history, if it is there.
    pub revision: Option<Revision>,
    /// Name of its author.
    pub author: String,
    /// First line of its message.
    pub subject: String,
}

/// One path that two sides changed to different content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathConflict {
    /// Which.
    pub path: ConfigPath,
    /// How they exclude each other.
    pub kind: ConflictKind,
    /// The newest commit of the head's side that changed it, unless it lies very far back.
    pub head_side: Option<Culprit>,
    /// The newest commit of the push that changed it, unless it lies very far back.
    pub push_side: Option<Culprit>,
}
