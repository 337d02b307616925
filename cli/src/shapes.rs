//! Shapes of JSON that several commands print. Scripts depend on them.

use configbus_model::{Change, Entry, EntryMode};
use serde::Serialize;

/// A path with its mode and the id of its content.
#[derive(Debug, Serialize)]
pub(crate) struct EntryShape {
    /// Place on the bus.
    pub(crate) path: String,
    /// `file`, `executable` or `directory`.
    pub(crate) mode: &'static str,
    /// Id of the content; what `--if-match` takes.
    pub(crate) id: String,
    /// Size of a file.
    pub(crate) size_bytes: u64,
}

impl From<&Entry> for EntryShape {
    fn from(entry: &Entry) -> Self {
        let Entry { path, mode, id, size_bytes } = entry;
        let mode = match mode {
            EntryMode::File => "file",
            EntryMode::Executable => "executable",
            EntryMode::Directory => "directory",
        };
        Self { path: path.to_string(), mode, id: id.to_string(), size_bytes: *size_bytes }
    }
}

/// One file that differs between two revisions.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeShape {
    /// `added`, `modified` or `deleted`.
    pub(crate) kind: &'static str,
    /// Which file.
    pub(crate) path: String,
    /// Before; absent for an added file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) old: Option<EntryShape>,
    /// After; absent for a deleted file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new: Option<EntryShape>,
}

impl ChangeShape {
    /// Returns the letter that Git's users know.
    pub(crate) fn letter(&self) -> &'static str {
        match self.kind {
            "added" => "A",
            "deleted" => "D",
            _ => "M",
        }
    }
}

impl From<&Change> for ChangeShape {
    fn from(change: &Change) -> Self {
        let kind = match change {
            Change::Added(_) => "added",
            Change::Modified { .. } => "modified",
            Change::Deleted(_) => "deleted",
        };
        let (old, new) = (change.old().map(Into::into), change.new_entry().map(Into::into));
        Self { kind, path: change.path().to_string(), old, new }
    }
}
