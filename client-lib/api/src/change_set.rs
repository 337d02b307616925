//! Edits that land together or not at all.

use crate::{NamespaceHead, request_id};
use configbus_model::{BlobId, ConfigPath, Entry, EntryMode, Revision};
use configbus_proto::{convert::WireError, v1};
use std::sync::Arc;

/// What a writer believes is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This content.
    Id(BlobId),
    /// Nothing.
    Absent,
    /// Whatever it is.
    Any,
    /// Something, whatever it is.
    Present,
    /// The path has not changed since this revision.
    UnchangedSince(Revision),
    /// Nothing in the whole namespace has changed since this revision.
    TreeUnchangedSince(Revision),
}

/// What an edit does to its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Gives it this content.
    Put {
        /// The content.
        content: Arc<[u8]>,
        /// The mode; absent keeps the mode that is there, plain for a new file.
        mode: Option<EntryMode>,
    },
    /// Removes it.
    Delete,
}

/// One change of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub path: ConfigPath,
    /// What the writer believes is there.
    pub expected: Expected,
    /// What to do.
    pub action: Action,
}

impl Edit {
    /// Gives a file new content, keeping its mode.
    pub fn put(path: ConfigPath, content: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self { path, expected, action: Action::Put { content: content.as_ref().into(), mode: None } }
    }

    /// Removes a file.
    pub fn delete(path: ConfigPath, expected: Expected) -> Self {
        Self { path, expected, action: Action::Delete }
    }

    /// Sets the mode of the file that is put; a deletion has none and stays as it is.
    #[must_use]
    pub fn with_mode(mut self, new: EntryMode) -> Self {
        if let Action::Put { mode, .. } = &mut self.action {
            *mode = Some(new);
        }
        self
    }

    fn to_wire(&self) -> v1::Edit {
        let expected = match self.expected {
            Expected::Id(id) => v1::edit::Expected::BlobId(id.to_string()),
            Expected::Absent => v1::edit::Expected::Absent(v1::Empty {}),
            Expected::Any => v1::edit::Expected::Any(v1::Empty {}),
            Expected::Present => v1::edit::Expected::Present(v1::Empty {}),
            Expected::UnchangedSince(revision) => v1::edit::Expected::UnchangedSince(revision.0),
            Expected::TreeUnchangedSince(revision) => v1::edit::Expected::TreeUnchangedSince(revision.0),
        };
        let (change, mode) = match &self.action {
            Action::Put { content, mode } => (v1::edit::Change::Content(content.to_vec().into()), *mode),
            Action::Delete => (v1::edit::Change::Delete(v1::Empty {}), None),
        };
        v1::Edit {
            path: self.path.to_string(),
            expected: Some(expected),
            change: Some(change),
            mode: mode.map_or(v1::Mode::Unspecified, v1::Mode::from).into(),
        }
    }
}

/// Edits with one message: all of them land in one commit, or none does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// The edits, at most one per path.
    pub edits: Vec<Edit>,
    /// Why, for the history.
    pub message: String,
    /// W3C trace context that travels with the change to every host.
    pub traceparent: Option<String>,
    /// Under which the server knows a change that it has landed already; a new one for each call when absent. Who keeps it
    /// with the work it belongs to can ask again after a crash of its own: the server remembers it for 24 hours.
    pub request_id: Option<String>,
}

impl ChangeSet {
    /// Starts a change.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Adds an edit.
    #[must_use]
    pub fn with(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }

    pub(crate) fn to_wire(&self, validate_only: bool) -> v1::CompareAndSetRequest {
        v1::CompareAndSetRequest {
            request_id: self.request_id.clone().unwrap_or_else(request_id::random),
            edits: self.edits.iter().map(Edit::to_wire).collect(),
            message: self.message.clone(),
            validate_only,
            traceparent: self.traceparent.clone().unwrap_or_default(),
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The head the edits are part of.
    pub head: NamespaceHead,
    /// Whether a commit was made; not when all contents were there already.
    pub committed: bool,
    /// The files after the edits, in their order; `None` for a deleted one.
    pub entries: Vec<Option<Entry>>,
    /// Whether an earlier attempt under the same id had done it.
    pub repeated: bool,
}

impl Landed {
    pub(crate) fn from_wire(wire: &v1::CompareAndSetResponse) -> Result<Self, WireError> {
        let entry = |entry: &v1::Entry| if entry.id.is_empty() { Ok(None) } else { entry.try_into().map(Some) };
        Ok(Self {
            head: NamespaceHead::from_wire(wire.head.as_ref())?,
            committed: wire.committed,
            repeated: wire.repeated,
            entries: wire.entries.iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}
