//! The history of one directory as a repository of its own.
//!
//! Each revision that changed something below the directory becomes one commit: author, committer, dates and message as they
//! were, the directory as its tree, and a trailer that names the original. Revisions that changed nothing there drop out. A
//! merge of a push becomes one commit as well, because that is what readers saw; who made the commits that it brought is
//! kept in trailers. Copying these commits too would have kept their ids no more than this does (each commit names the whole
//! tree), and would have brought states to the new history that nobody ever checked there.
//!
//! `git filter-branch` and its successors rewrite a repository in place, know nothing of revisions and cannot go on where they
//! stopped; this can, so that most of the work is done while others write.

mod message;
mod touching;
mod writer;

use crate::{
    HeadCommit, LandError, MoveHeadError, ReadError, Store,
    read::{objects::Objects, tree_diff, tree_lookup::TreeLookup as _},
};
use configbus_model::{CommitId, ConfigPath, EntryMode, ErrorKind, Namespace, Revision, TreeId};
use writer::Writer;

/// Revisions after which somebody who waits is told how far it is.
const TOLD_EVERY: u64 = 64;

/// How far copying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractProgress {
    /// Revisions copied.
    pub copied: u64,
    /// Revisions to copy.
    pub total: u64,
}

/// Why a history cannot be copied. What was copied before stays and is gone on from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// Something cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Something cannot be written.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The head of the copy cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    /// The copy was begun from something else.
    #[error("{commit} in the copy is of no revision of {namespace}")]
    Foreign {
        /// The newest commit of the copy.
        commit: CommitId,
        /// What is copied.
        namespace: Namespace,
    },
    /// Whoever asked does not want it any more.
    #[error("copying was called off")]
    CalledOff,
}

impl ExtractError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Land(error) => error.kind(),
            Self::Move(error) => error.kind(),
            Self::Foreign { .. } => ErrorKind::Conflict,
            Self::CalledOff => ErrorKind::Unavailable,
        }
    }
}

/// A copy in the making.
#[derive(Debug)]
pub struct Extraction {
    source: Store,
    namespace: Namespace,
    prefix: ConfigPath,
    target: Store,
    /// The newest revision that was looked at.
    looked_at: Revision,
}

impl Extraction {
    /// Prepares to copy what is below `prefix` of a namespace into `target`, or to go on where a copy stopped.
    pub fn resume(
        source: &Store,
        namespace: &Namespace,
        prefix: &ConfigPath,
        target: &Store,
    ) -> Result<Self, ExtractError> {
        let looked_at = match target.head() {
            None => Revision::ZERO,
            Some(head) => {
                let origin = message::origin(&target.commit(head.commit)?.message);
                let found = origin.and_then(|origin| source.revision_of(origin));
                let namespace = namespace.clone();
                found.ok_or(ExtractError::Foreign { commit: head.commit, namespace })?
            }
        };
        let (source, target) = (source.clone(), target.clone());
        Ok(Self { source, namespace: namespace.clone(), prefix: prefix.clone(), target, looked_at })
    }

    /// Returns the newest revision that is in the copy, or changed nothing of it.
    pub fn looked_at(&self) -> Revision {
        self.looked_at
    }

    /// Copies everything up to a revision of the source. Whoever looks on says with `false` that it should stop.
    pub fn copy_to(
        &mut self,
        head: &HeadCommit,
        look_on: &mut dyn FnMut(ExtractProgress) -> bool,
    ) -> Result<(), ExtractError> {
        let revisions = touching::revisions(&self.source, &self.prefix, self.looked_at, head.revision)?;
        let total = revisions.len() as u64;
        let mut writer = Writer::new(&self.target);
        for (revision, copied) in revisions.into_iter().zip(0_u64..) {
            if copied % TOLD_EVERY == 0 && !look_on(ExtractProgress { copied, total }) {
                return Err(ExtractError::CalledOff);
            }
            self.copy(revision, &mut writer)?;
            if writer.is_full() {
                writer.flush()?;
            }
        }
        writer.flush()?;
        self.looked_at = head.revision;
        look_on(ExtractProgress { copied: total, total });
        Ok(())
    }

    fn copy(&self, revision: Revision, writer: &mut Writer) -> Result<(), ExtractError> {
        let landing = self.source.record(&self.source.landings(), revision)?;
        let landing = landing.expect("only revisions that are there are looked at");
        let by = self.source.names().name(landing.by).map(str::to_owned);
        self.source.with_objects(|objects| {
            let original = objects.commit(landing.commit)?;
            let tree = tree_below(objects, original.tree, &self.prefix)?;
            let before = writer.running().map_or(TreeId::EMPTY, |head| head.tree);
            let mut copier = writer.copier(objects);
            tree_diff::diff(objects, Some(before), tree, "", &mut copier)?;
            copier.finish()?;
            let trailers = message::trailers(objects, &original, &self.prefix, &self.namespace, revision)?;
            let raw = objects.structure(landing.commit.into(), crate::ObjectKind::Commit)?;
            let parent = writer.running().map(|head| head.commit);
            let content = message::rewritten(&raw, tree, parent, &trailers);
            writer.put_commit(&content, tree, landing.landed_ms, by.as_deref())
        })
    }
}

/// Returns the directory at a path of a tree, or the empty one.
fn tree_below(objects: &Objects<'_>, root: TreeId, prefix: &ConfigPath) -> Result<TreeId, ReadError> {
    match objects.find(root, prefix)? {
        Some((EntryMode::Directory, id)) => Ok(id.into()),
        _ => Ok(TreeId::EMPTY),
    }
}

#[cfg(test)]
mod tests;
