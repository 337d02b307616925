//! A change before it is accepted.

use crate::{NewObject, PathConflict, ReadError};
use bytes::Bytes;
use configbus_model::{BlobId, Change, CommitId, ConfigPath, Entry, ObjectId, Tree, TreeId};
use std::ops::ControlFlow;

/// What landing a push would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// The tip becomes the head.
    FastForward {
        /// Its content.
        tree: TreeId,
    },
    /// A merge lands. Its tree is known to this view only.
    Merge {
        /// The content that would land.
        tree: TreeId,
    },
    /// The head contains the tip.
    NothingNew,
    /// Both sides changed the same paths.
    Conflict(Vec<PathConflict>),
    /// Head and tip have no commit in common.
    Unrelated,
}

/// Reads a repository together with objects that are not part of it yet: those of a push in quarantine, of staged
/// edits, or of a trial merge. Not shared between threads.
pub struct CandidateView {
    _private: (),
}

impl CandidateView {
    /// Opens what Git's environment variables say; for hooks of a repository that no server looks after.
    pub fn open_from_env() -> Result<Self, ReadError> {
        unimplemented!()
    }

    /// Returns the head of `main` as the repository has it.
    pub fn head(&self) -> Result<Option<CommitId>, ReadError> {
        unimplemented!()
    }

    /// Returns the commit that an id names, through annotated tags; `None` when it names no commit.
    pub fn peel_to_commit(&self, _id: ObjectId) -> Result<Option<CommitId>, ReadError> {
        unimplemented!()
    }

    /// Returns a commit's content.
    pub fn tree_of(&self, _commit: CommitId) -> Result<TreeId, ReadError> {
        unimplemented!()
    }

    /// Reads a directory.
    pub fn tree(&self, _id: TreeId) -> Result<Tree, ReadError> {
        unimplemented!()
    }

    /// Reads a file's content.
    pub fn blob(&self, _id: BlobId) -> Result<Bytes, ReadError> {
        unimplemented!()
    }

    /// Returns what is at a path.
    pub fn entry(&self, _tree: TreeId, _path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
        unimplemented!()
    }

    /// Returns a file and its content; `None` when nothing or a directory is at the path.
    pub fn file(&self, _tree: TreeId, _path: &ConfigPath) -> Result<Option<(Entry, Bytes)>, ReadError> {
        unimplemented!()
    }

    /// Returns the files that differ, at or below a prefix (empty for all). Without `from`, all files.
    pub fn changed_files(&self, _from: Option<TreeId>, _to: TreeId, _prefix: &str) -> Result<Vec<Change>, ReadError> {
        unimplemented!()
    }

    /// Visits each directory of `to` that differs from the one at its place in `from`, the root (path `None`) first.
    pub fn changed_directories(
        &self,
        _from: Option<TreeId>,
        _to: TreeId,
        _visit: &mut dyn FnMut(Option<&ConfigPath>, &Tree) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        unimplemented!()
    }

    /// Visits every object that these tips bring and no accepted branch or tag reaches, and everything else that lies
    /// in the quarantine.
    pub fn new_objects(
        &self,
        _tips: &[ObjectId],
        _visit: &mut dyn FnMut(NewObject) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        unimplemented!()
    }

    /// Decides what landing `tip` on `head` would do.
    pub fn trial_merge(&self, _head: Option<CommitId>, _tip: CommitId) -> Result<Trial, ReadError> {
        unimplemented!()
    }

    /// Returns whether `head` is on the first-parent chain of `tip`.
    pub fn is_fast_forward(&self, _head: CommitId, _tip: CommitId) -> Result<bool, ReadError> {
        unimplemented!()
    }
}
