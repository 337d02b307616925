//! Landing: making a change durable on top of the running head.
//!
//! Objects first, the head afterwards (`moving`): a crash in between leaves objects that nothing refers to, and nobody
//! was told of them. What is not reachable from the running head is always written again, even if the repository has it
//! somewhere: it may be about to expire.

use crate::{
    CommitMeta, EditError, HeadCommit, ObjectKind, PathConflict, ReadError, StagedEdits, Store, TreeEdit,
    disk::{
        hash,
        pack::{self, PackBuilder},
        write_kind,
    },
    land::{
        batch::StoreTrees,
        edit,
        merge::MergeError,
        trial::{self, Plan},
    },
    read::commit,
};
use bytes::Bytes;
use configbus_model::{BlobId, CommitId, ErrorKind, Tree, TreeId};
use std::{io, path::PathBuf};

/// What became of edits. The head has not moved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditLanding {
    /// A commit with them is durable.
    Landed {
        /// Its identity.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// The head has these contents already.
    Unchanged,
}

/// What became of a push. The head has not moved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushLanding {
    /// The head is on the tip's first-parent chain: the tip itself is the next head.
    FastForward {
        /// The pushed tip.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// A merge commit with the head as first and the tip as second parent is durable.
    Merged {
        /// The merge commit.
        commit: CommitId,
        /// Its content.
        tree: TreeId,
    },
    /// The head contains the tip.
    NothingNew,
    /// Both sides changed the same paths.
    Conflict(Vec<PathConflict>),
    /// Head and tip have no commit in common.
    Unrelated,
}

/// Why a change could not be made durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LandError {
    /// The edits do not fit the head.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Something cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The edits were staged on another content than the running head's.
    #[error("edits were staged on tree {staged}, the head has {running}")]
    OtherBase {
        /// What they were staged on.
        staged: TreeId,
        /// What the head has.
        running: TreeId,
    },
    /// Something cannot be written.
    #[error("failed to write {path}")]
    Write {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Content was made to collide.
    #[error(transparent)]
    Hash(#[from] configbus_model::HashError),
}

impl LandError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Edit(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Hash(_) => ErrorKind::Rejected,
            Self::OtherBase { .. } => ErrorKind::Conflict,
            Self::Write { source, .. } => write_kind(source),
        }
    }
}

impl From<MergeError> for LandError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Read(error) => Self::Read(error),
            MergeError::Hash(error) => Self::Hash(error),
        }
    }
}

impl Store {
    /// Applies edits to a tree (`None`: the empty one) without writing anything.
    pub fn stage_edits(&self, base: Option<TreeId>, edits: &[TreeEdit]) -> Result<StagedEdits, EditError> {
        edit::stage(&StoreTrees { store: self, staged: None }, base.unwrap_or(TreeId::EMPTY), edits)
    }

    /// Makes a commit with the edits durable. Follow with [`Store::move_head`].
    pub fn land_edits(
        &self,
        running: Option<&HeadCommit>,
        edits: &[TreeEdit],
        meta: &CommitMeta,
    ) -> Result<EditLanding, LandError> {
        let staged = self.stage_edits(running.map(|head| head.tree), edits)?;
        self.land_staged(running, &staged, meta)
    }

    /// Makes a commit durable whose edits were staged on the content of `running`. Follow with [`Store::move_head`].
    pub fn land_staged(
        &self,
        running: Option<&HeadCommit>,
        staged: &StagedEdits,
        meta: &CommitMeta,
    ) -> Result<EditLanding, LandError> {
        let tree = running.map_or(TreeId::EMPTY, |head| head.tree);
        if staged.base != tree {
            return Err(LandError::OtherBase { staged: staged.base, running: tree });
        }
        if staged.is_unchanged() {
            return Ok(EditLanding::Unchanged);
        }
        let parents: Vec<_> = running.map(|head| head.commit).into_iter().collect();
        let trees: Vec<_> = staged.trees.iter().map(|staged| (staged.id, staged.tree.clone())).collect();
        let commit = self.write_commit(&parents, staged.tree, &trees, &staged.blobs, meta)?;
        Ok(EditLanding::Landed { commit, tree: staged.tree })
    }

    /// Makes a push durable, and the merge if the head has moved; `meta` is for that merge. Follow with
    /// [`Store::move_head`].
    pub fn land_push(
        &self,
        running: Option<&HeadCommit>,
        tip: CommitId,
        meta: &CommitMeta,
    ) -> Result<PushLanding, LandError> {
        let head = running.map(|head| head.commit);
        let plan = self.with_objects(|objects| trial::plan(objects, &|commit| self.revision_of(commit), head, tip))?;
        match plan {
            Plan::FastForward { tree } => {
                // The pushed pack's content was synced by receive-pack, its name by nobody.
                let path = self.objects_dir();
                pack::sync_packs(&path).map_err(|source| LandError::Write { path, source })?;
                Ok(PushLanding::FastForward { commit: tip, tree })
            }
            Plan::Merge { tree, new_trees } => {
                // Making the merge durable syncs the names of all packs.
                let parents: Vec<_> = head.into_iter().chain([tip]).collect();
                let commit = self.write_commit(&parents, tree, &new_trees, &[], meta)?;
                Ok(PushLanding::Merged { commit, tree })
            }
            Plan::NothingNew => Ok(PushLanding::NothingNew),
            Plan::Conflict(conflicts) => Ok(PushLanding::Conflict(conflicts)),
            Plan::Unrelated => Ok(PushLanding::Unrelated),
        }
    }

    fn write_commit(
        &self,
        parents: &[CommitId],
        tree: TreeId,
        trees: &[(TreeId, Tree)],
        blobs: &[(BlobId, Bytes)],
        meta: &CommitMeta,
    ) -> Result<CommitId, LandError> {
        let content = commit::encode(tree, parents, meta);
        let id = hash::object_id(ObjectKind::Commit.as_git(), &content)?;
        let mut pack = PackBuilder::new();
        let mut put = || {
            pack.put(ObjectKind::Commit, id, &content)?;
            for (id, tree) in trees {
                pack.put(ObjectKind::Tree, (*id).into(), tree.as_bytes())?;
            }
            blobs.iter().try_for_each(|(id, content)| pack.put(ObjectKind::Blob, (*id).into(), content))
        };
        let path = self.objects_dir();
        let _nobody_else = self.moving();
        let written = put().and_then(|()| pack.finish()).and_then(|encoded| pack::install(&path, &encoded));
        written.map_err(|source| LandError::Write { path, source })?;
        trees.iter().for_each(|(id, tree)| self.inner.trees.put(*id, tree));
        Ok(id.into())
    }
}

#[cfg(test)]
mod tests;
