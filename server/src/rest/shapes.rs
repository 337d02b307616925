//! How things of the model look in JSON. `revision` is a number here, `r42` is its text form.

use configbus_gitstore::LogEntry;
use configbus_model::{Change, Entry, EntryMode, Head, Namespace};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct HeadShape {
    namespace: String,
    epoch: u64,
    revision: u64,
    commit: String,
    tree: String,
    time_ms: u64,
}

impl HeadShape {
    pub(super) fn new(namespace: &Namespace, head: &Head) -> Self {
        Self {
            namespace: namespace.to_string(),
            epoch: head.epoch.0,
            revision: head.revision.0,
            commit: head.commit.to_string(),
            tree: head.tree.to_string(),
            time_ms: head.time_ms,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EntryShape {
    path: String,
    mode: &'static str,
    id: String,
    size_bytes: u64,
}

impl From<&Entry> for EntryShape {
    fn from(entry: &Entry) -> Self {
        Self {
            path: entry.path.to_string(),
            mode: mode_name(entry.mode),
            id: entry.id.to_string(),
            size_bytes: entry.size_bytes,
        }
    }
}

/// Returns the name of a mode.
pub(super) const fn mode_name(mode: EntryMode) -> &'static str {
    match mode {
        EntryMode::File => "file",
        EntryMode::Executable => "executable",
        EntryMode::Directory => "directory",
    }
}

/// Reads the name of a mode that a file can have.
pub(super) fn file_mode(name: &str) -> Option<EntryMode> {
    [EntryMode::File, EntryMode::Executable].into_iter().find(|mode| mode_name(*mode) == name)
}

#[derive(Debug, Serialize)]
pub(super) struct ChangeShape {
    kind: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<EntryShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<EntryShape>,
}

impl From<&Change> for ChangeShape {
    fn from(change: &Change) -> Self {
        let kind = match change {
            Change::Added(_) => "added",
            Change::Modified { .. } => "modified",
            Change::Deleted(_) => "deleted",
        };
        let path = change.path().to_string();
        Self { kind, path, old: change.old().map(Into::into), new: change.new_entry().map(Into::into) }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CommitShape {
    namespace: String,
    revision: u64,
    id: String,
    author: String,
    message: String,
    landed_ms: u64,
    /// The principal who pushed it or had it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    landed_by: Option<String>,
}

impl CommitShape {
    /// Describes a commit by the first line of its message.
    pub(super) fn subject_of(namespace: &Namespace, entry: &LogEntry) -> Self {
        Self { message: entry.commit.subject().to_owned(), ..Self::new(namespace, entry) }
    }

    pub(super) fn new(namespace: &Namespace, entry: &LogEntry) -> Self {
        let author = &entry.commit.author;
        Self {
            namespace: namespace.to_string(),
            revision: entry.revision.0,
            id: entry.commit.id.to_string(),
            author: format!("{} <{}>", author.name, author.email),
            message: entry.commit.message.clone(),
            landed_ms: entry.landed_ms,
            landed_by: entry.landed_by.clone(),
        }
    }
}
