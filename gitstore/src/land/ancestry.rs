//! How two commits relate.

use crate::{
    ReadError,
    read::objects::{Objects, from_oid, to_oid},
};
use configbus_model::CommitId;
use git2::{ErrorClass, ErrorCode};

/// How a pushed tip relates to the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The head is on the tip's first-parent chain.
    FastForward,
    /// The head contains the tip.
    NothingNew,
    /// Both have commits of their own since these bases.
    Diverged { bases: Vec<CommitId> },
    /// They have no commit in common.
    Unrelated,
}

/// Tells commits of the head's first-parent chain, so that a walk down another chain ends where they meet. A walker
/// without that knowledge goes on to the root.
pub(crate) type IsLanded<'a> = &'a dyn Fn(CommitId) -> bool;

pub(crate) fn relation(
    objects: &Objects<'_>,
    is_landed: IsLanded<'_>,
    head: CommitId,
    tip: CommitId,
) -> Result<Relation, ReadError> {
    if head == tip || is_landed(tip) {
        return Ok(Relation::NothingNew);
    }
    if is_on_first_parent_chain(objects, is_landed, head, tip)? {
        return Ok(Relation::FastForward);
    }
    let bases = merge_bases(objects, head, tip)?;
    Ok(match bases.as_slice() {
        [] => Relation::Unrelated,
        bases if bases.contains(&tip) => Relation::NothingNew,
        _ => Relation::Diverged { bases },
    })
}

/// Returns whether `head` is `tip` or one of its first parents.
pub(crate) fn is_on_first_parent_chain(
    objects: &Objects<'_>,
    is_landed: IsLanded<'_>,
    head: CommitId,
    tip: CommitId,
) -> Result<bool, ReadError> {
    let mut at = Some(tip);
    while let Some(commit) = at {
        if commit == head {
            return Ok(true);
        }
        if is_landed(commit) {
            return Ok(false);
        }
        at = objects.commit(commit)?.parents.first().copied();
    }
    Ok(false)
}

/// Returns the best common ancestors, none when there is no common one.
pub(crate) fn merge_bases(objects: &Objects<'_>, a: CommitId, b: CommitId) -> Result<Vec<CommitId>, ReadError> {
    match objects.repository().merge_bases(to_oid(a), to_oid(b)) {
        Ok(bases) => Ok(bases.iter().map(|oid| from_oid(*oid).into()).collect()),
        // A missing object has the same code; only the class tells that the walk went well and found nothing.
        Err(error) if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Merge => Ok(Vec::new()),
        Err(source) => Err(ReadError::Walk { id: b.into(), source }),
    }
}
