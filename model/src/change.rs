//! Files as the API and watches show them, and how they differ between two revisions.

use crate::{ConfigPath, EntryMode, ObjectId};

/// A path with its mode and the id of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Place in the namespace.
    pub path: ConfigPath,
    /// Plain file, executable file or directory.
    pub mode: EntryMode,
    /// Blob of a file, tree of a directory.
    pub id: ObjectId,
    /// Size of a file; 0 for a directory.
    pub size_bytes: u64,
}

/// One file that differs between two revisions. A rename is a deletion and an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The file is new.
    Added(Entry),
    /// Content or mode differ.
    Modified {
        /// Before.
        old: Entry,
        /// After.
        new: Entry,
    },
    /// The file is gone.
    Deleted(Entry),
}

impl Change {
    /// Returns the path that changed.
    pub fn path(&self) -> &ConfigPath {
        match self {
            Self::Added(entry) | Self::Deleted(entry) | Self::Modified { new: entry, .. } => &entry.path,
        }
    }

    /// Returns the file before the change.
    pub fn old(&self) -> Option<&Entry> {
        match self {
            Self::Added(_) => None,
            Self::Modified { old, .. } => Some(old),
            Self::Deleted(old) => Some(old),
        }
    }

    /// Returns the file after the change.
    pub fn new_entry(&self) -> Option<&Entry> {
        match self {
            Self::Added(new) | Self::Modified { new, .. } => Some(new),
            Self::Deleted(_) => None,
        }
    }
}
