//! What a push would have done.

use crate::git_http::ref_rules::main_of;
use configbus_gitstore::{CandidateView, HeadCommit, ReadError, Trial};
use configbus_model::{CommitId, Namespace, Revision};

/// Says in one line what landing the tip would do to `main`. The push was accepted, so conflicts are none.
pub(super) fn would_land(
    view: &CandidateView,
    namespace: &Namespace,
    head: Option<&HeadCommit>,
    tip: CommitId,
) -> Result<String, ReadError> {
    let main = main_of(namespace);
    let revision = head.map_or(Revision::default(), |head| head.revision);
    Ok(match view.trial_merge(head.map(|head| head.commit), tip)? {
        Trial::FastForward { .. } => {
            let commits = first_parents_since(view, head.map(|head| head.commit), tip)?;
            let landed = Revision(revision.0 + commits);
            match head {
                Some(_) => format!("dry run: {main} would go from {revision} to {landed} by fast-forward"),
                None => format!("dry run: {main} would begin with {landed}"),
            }
        }
        Trial::Merge { .. } => {
            format!("dry run: {main} has moved, your commits would be merged as {}", Revision(revision.0 + 1))
        }
        Trial::NothingNew | Trial::Conflict(_) | Trial::Unrelated => format!("dry run: {main} would stay {revision}"),
    })
}

fn first_parents_since(view: &CandidateView, head: Option<CommitId>, tip: CommitId) -> Result<u64, ReadError> {
    let (mut at, mut commits) = (Some(tip), 0);
    while let Some(commit) = at.filter(|commit| head != Some(*commit)) {
        commits += 1;
        at = view.commit(commit)?.parents.first().copied();
    }
    Ok(commits)
}
