//! What landing a push would do, decided without writing anything.

use crate::{
    PathConflict, ReadError,
    land::{
        ancestry::{IsLanded, Relation, merge_bases, relation},
        conflict,
        merge::{self, MergeError},
    },
    read::{
        objects::{Objects, Overlay},
        tree_lookup::TreeLookup,
    },
};
use configbus_model::{CommitId, Revision, Tree, TreeId};
use std::cell::RefCell;

/// How many merge bases are joined. More than one is rare (two clones that merged each other); more than a few is not
/// worth being clever about.
const BASES_MAX: usize = 4;

pub(crate) enum Plan {
    FastForward { tree: TreeId },
    Merge { tree: TreeId, new_trees: Vec<(TreeId, Tree)> },
    NothingNew,
    Conflict(Vec<PathConflict>),
    Unrelated,
}

/// Decides what landing `tip` on `head` would do.
pub(crate) fn plan(
    objects: &Objects<'_>,
    revision_of: &dyn Fn(CommitId) -> Option<Revision>,
    head: Option<CommitId>,
    tip: CommitId,
) -> Result<Plan, MergeError> {
    let Some(head) = head else { return Ok(Plan::FastForward { tree: objects.tree_of(tip)? }) };
    let is_landed: IsLanded<'_> = &|commit| revision_of(commit).is_some();
    match relation(objects, is_landed, head, tip)? {
        Relation::FastForward => Ok(Plan::FastForward { tree: objects.tree_of(tip)? }),
        Relation::NothingNew => Ok(Plan::NothingNew),
        Relation::Unrelated => Ok(Plan::Unrelated),
        Relation::Diverged { bases } => merge_commits(objects, revision_of, head, tip, &bases),
    }
}

fn merge_commits(
    objects: &Objects<'_>,
    revision_of: &dyn Fn(CommitId) -> Option<Revision>,
    head: CommitId,
    tip: CommitId,
    bases: &[CommitId],
) -> Result<Plan, MergeError> {
    let virtual_trees = RefCell::default();
    let lookup = WithVirtual { objects, virtual_trees: &virtual_trees };
    let base = joined_base(&lookup, bases)?;
    let merged = merge::merge(&lookup, base, objects.tree_of(head)?, objects.tree_of(tip)?)?;
    if merged.clashes.is_empty() {
        return Ok(Plan::Merge { tree: merged.tree, new_trees: merged.new_trees });
    }
    Ok(Plan::Conflict(conflict::name(objects, revision_of, head, tip, merged.clashes)?))
}

/// Returns one tree that stands for all bases: they are merged with each other as if they were sides.
fn joined_base(lookup: &WithVirtual<'_>, bases: &[CommitId]) -> Result<TreeId, MergeError> {
    let Some((first, others)) = bases.split_first() else { return Ok(TreeId::EMPTY) };
    let mut joined = lookup.objects.tree_of(*first)?;
    for other in others.iter().take(BASES_MAX) {
        let below = merge_bases(lookup.objects, *first, *other)?;
        let below = below.first().map_or(Ok(TreeId::EMPTY), |base| lookup.objects.tree_of(*base))?;
        let merged = merge::merge_bases(lookup, below, joined, lookup.objects.tree_of(*other)?)?;
        lookup.virtual_trees.borrow_mut().trees.extend(merged.new_trees);
        joined = merged.tree;
    }
    Ok(joined)
}

/// Trees of the repository and of joined bases; the latter must not leak into any cache, they name content that is none.
struct WithVirtual<'a> {
    objects: &'a Objects<'a>,
    virtual_trees: &'a RefCell<Overlay>,
}

impl TreeLookup for WithVirtual<'_> {
    fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        let joined = self.virtual_trees.borrow().trees.get(&id).cloned();
        joined.map_or_else(|| self.objects.tree(id), Ok)
    }
}
