//! True conflicts, named by path and by the commits that made them.

use crate::{
    Commit, ReadError,
    land::merge::Clash,
    read::{objects::Objects, tree_lookup::TreeLookup},
};
use configbus_model::{CommitId, ConfigPath, Revision, TreeId};

/// How far back the commits that changed a path are looked for, and for how many paths: together some ten milliseconds,
/// because the committer waits for them.
const COMMITS_MAX: usize = 500;
const NAMED_MAX: usize = 20;

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

/// Adds to clashes who made them; for the first paths only, each name costs a walk.
pub(crate) fn name(
    objects: &Objects<'_>,
    revision_of: &dyn Fn(CommitId) -> Option<Revision>,
    head: CommitId,
    tip: CommitId,
    clashes: Vec<Clash>,
) -> Result<Vec<PathConflict>, ReadError> {
    let named = &clashes[..clashes.len().min(NAMED_MAX)];
    let mut head_side = culprits(objects, revision_of, head, named)?.into_iter();
    let mut push_side = culprits(objects, revision_of, tip, named)?.into_iter();
    let conflicts = clashes.into_iter().map(|Clash { path, kind }| PathConflict {
        path,
        kind,
        head_side: head_side.next().flatten(),
        push_side: push_side.next().flatten(),
    });
    Ok(conflicts.collect())
}

/// Walks first parents down from `from` and finds, for each path, the newest commit that changed it.
fn culprits(
    objects: &Objects<'_>,
    revision_of: &dyn Fn(CommitId) -> Option<Revision>,
    from: CommitId,
    clashes: &[Clash],
) -> Result<Vec<Option<Culprit>>, ReadError> {
    let mut found = vec![None; clashes.len()];
    let mut commit = objects.commit(from)?;
    for _ in 0..COMMITS_MAX {
        let parent = commit.parents.first().map(|parent| objects.commit(*parent)).transpose()?;
        for (culprit, clash) in found.iter_mut().zip(clashes) {
            if culprit.is_none() && changes(objects, &commit, parent.as_ref(), &clash.path)? {
                *culprit = Some(describe(&commit, revision_of(commit.id)));
            }
        }
        match parent {
            Some(parent) if found.iter().any(Option::is_none) => commit = parent,
            _ => break,
        }
    }
    Ok(found)
}

fn changes(
    objects: &Objects<'_>,
    commit: &Commit,
    parent: Option<&Commit>,
    path: &ConfigPath,
) -> Result<bool, ReadError> {
    objects.differs_at(parent.map_or(TreeId::EMPTY, |parent| parent.tree), commit.tree, path)
}

fn describe(commit: &Commit, revision: Option<Revision>) -> Culprit {
    let subject = commit.subject().chars().take(100).collect();
    Culprit { commit: commit.id, revision, author: commit.author.name.clone(), subject }
}
