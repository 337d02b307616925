//! Reading revisions, commits, files and differences.

use crate::{
    Commit, HeadCommit, ListQuery, Listing, LogPage, ObjectKind, Patch, ReadError, Store,
    land::batch::StoreTrees,
    read::{changes, delta, listing, log, patch, tree_lookup::TreeLookup as _},
};
use bytes::Bytes;
use configbus_model::{BlobId, Change, CommitId, ConfigPath, Entry, EntryMode, ObjectId, Revision, Tree, TreeId};
use std::ops::ControlFlow;

/// Heads a pushing client is told about one by one, before the distances double.
const HAVES_NEAR: u64 = 64;

impl Store {
    /// Returns a revision; `None` when it does not exist.
    pub fn commit_at(&self, revision: Revision) -> Result<Option<HeadCommit>, ReadError> {
        let Some(landing) = self.record(&self.landings(), revision)? else { return Ok(None) };
        let (commit, landed_ms) = (landing.commit, landing.landed_ms);
        Ok(Some(HeadCommit { commit, tree: self.tree_of(commit)?, revision, landed_ms }))
    }

    /// Returns a commit's position; `None` when it is not on the first-parent chain of the head.
    pub fn revision_of(&self, commit: CommitId) -> Option<Revision> {
        let found = self.landings().revision_of(commit);
        found.unwrap_or_else(|error| {
            tracing::error!(%error, %commit, "landing records cannot be read");
            None
        })
    }

    /// Reads a commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit, ReadError> {
        self.with_objects(|objects| objects.commit(id))
    }

    /// Returns a commit's content.
    pub fn tree_of(&self, commit: CommitId) -> Result<TreeId, ReadError> {
        match self.head() {
            Some(head) if head.commit == commit => Ok(head.tree),
            _ => self.with_objects(|objects| objects.tree_of(commit)),
        }
    }

    /// Reads a directory.
    pub fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        self.with_objects(|objects| objects.tree(id))
    }

    /// Reads a file's content.
    pub fn blob(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.with_objects(|objects| objects.blob(id))
    }

    /// Returns what is at a path: a file or a directory.
    pub fn entry(&self, commit: CommitId, path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
        let tree = self.tree_of(commit)?;
        self.with_objects(|objects| objects.entry(tree, path))
    }

    /// Returns mode and id of what is at a path of a tree. Directories that are in memory are not read.
    pub fn find(&self, tree: TreeId, path: &ConfigPath) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        StoreTrees { store: self, staged: None }.find(tree, path)
    }

    /// Returns a file and its content; `None` when nothing or a directory is at the path.
    pub fn file(&self, commit: CommitId, path: &ConfigPath) -> Result<Option<(Entry, Bytes)>, ReadError> {
        let tree = self.tree_of(commit)?;
        self.with_objects(|objects| objects.file(tree, path))
    }

    /// Lists a directory; `None` when nothing is at the prefix.
    pub fn list(&self, commit: CommitId, query: &ListQuery<'_>) -> Result<Option<Listing>, ReadError> {
        let tree = self.tree_of(commit)?;
        self.with_objects(|objects| listing::list(objects, tree, query))
    }

    /// Returns first-parent history from a revision backwards, optionally only of one file or directory.
    pub fn log(&self, from: Revision, path: Option<&ConfigPath>, limit: usize) -> Result<LogPage, ReadError> {
        self.log_within(from, Revision::ZERO, path, limit, log::REVISIONS_MAX)
    }

    /// Does the same from `from` back to and without `after`, looking at so many revisions at most.
    pub(crate) fn log_within(
        &self,
        from: Revision,
        after: Revision,
        path: Option<&ConfigPath>,
        limit: usize,
        revisions_max: usize,
    ) -> Result<LogPage, ReadError> {
        let range = log::LogRange { from, after, revisions_max };
        self.with_objects(|objects| log::log(self, objects, range, path, limit))
    }

    /// Returns first-parent history back to and without a revision.
    pub fn log_since(&self, from: Revision, after: Revision, limit: usize) -> Result<LogPage, ReadError> {
        self.log_within(from, after, None, limit, log::REVISIONS_MAX)
    }

    /// Returns the files that differ, at or below a prefix (empty for all). Without `from`, all files.
    pub fn diff(&self, from: Option<CommitId>, to: CommitId, prefix: &str) -> Result<Vec<Change>, ReadError> {
        let from = from.map(|from| self.tree_of(from)).transpose()?;
        let to = self.tree_of(to)?;
        self.with_objects(|objects| changes::changes(objects, from, to, prefix))
    }

    /// Returns the same difference as text, cut at a few megabytes.
    pub fn patch(&self, from: Option<CommitId>, to: CommitId, prefix: &str) -> Result<Patch, ReadError> {
        let from = from.map(|from| self.tree_of(from)).transpose()?;
        let to = self.tree_of(to)?;
        self.with_objects(|objects| patch::patch(objects, from, to, prefix))
    }

    /// Hands out the directories and file contents of `to` that differ from what `from` has *at the same path*, each
    /// once, directories before what is in them. Without `from`, everything.
    ///
    /// Same path, because the result is then enough for a host that keeps only some paths; a rename sends its files.
    pub fn delta(
        &self,
        from: Option<TreeId>,
        to: TreeId,
        sink: &mut dyn FnMut(ObjectKind, Bytes) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.with_objects(|objects| delta::delta(objects, from, to, sink))
    }

    /// Returns the commits that a pushing client is told about: the head, the 63 before it, then one at each doubled
    /// distance, and the first one. What the client's commits build on is then never far from one it was told.
    pub fn have_commits(&self) -> Result<Vec<CommitId>, ReadError> {
        let landings = self.landings();
        let newest = landings.newest().0;
        let near = (0..HAVES_NEAR).take_while(|back| *back < newest);
        let far = std::iter::successors(Some(HAVES_NEAR), |back| back.checked_mul(2)).take_while(|back| *back < newest);
        let first = (newest > HAVES_NEAR).then(|| newest - 1);
        let mut distances: Vec<u64> = near.chain(far).chain(first).collect();
        distances.dedup();
        let revisions = distances.into_iter().map(|back| Revision(newest - back));
        let commits = revisions.map(|revision| Ok(self.record(&landings, revision)?.map(|landing| landing.commit)));
        commits.filter_map(Result::transpose).collect()
    }
}

#[cfg(test)]
mod tests;
