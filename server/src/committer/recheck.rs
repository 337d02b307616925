//! What is checked again inside the queue, because the head moved since a change was validated.
//!
//! Who may change what, and directories, each time; that costs microseconds. Where what the change was judged by moved,
//! policy or a file that policy reads, it leaves the queue to be checked anew: that may take long, and others wait.

use super::CommitError;
use super::landing::{Desk, nothing_new};
use configbus_gitstore::{CandidateView, HeadCommit, LandError, TreeEdit, Trial};
use configbus_hooks::{Context, GitCandidate, Recheck};
use configbus_model::{CommitId, Principal, TreeId};

/// Edits that were validated on the tree `checked_on`, which is not the running head's.
pub(super) fn edits(
    desk: &Desk,
    context: &Context<'_>,
    running: Option<&HeadCommit>,
    edits: &[TreeEdit],
    checked_on: Option<TreeId>,
) -> Result<(), CommitError> {
    let base = running.map(|head| head.tree);
    let staged = desk.store.stage_edits(base, edits).map_err(LandError::from)?;
    let view = desk.store.open_staged(&staged)?;
    Moved { checked_on, base, landing: staged.tree() }.judge(desk, context, &view)
}

/// A push whose trial was made on the head `checked_on`, which is not the running one.
pub(super) fn push(
    desk: &Desk,
    context: &Context<'_>,
    running: Option<&HeadCommit>,
    tip: CommitId,
    checked_on: Option<CommitId>,
) -> Result<(), CommitError> {
    if running.is_some_and(|head| head.commit == tip) {
        return Ok(());
    }
    let view = desk.store.open_candidate()?;
    let checked_on = checked_on.map(|commit| view.tree_of(commit)).transpose()?;
    let landing = landing_tree(view.trial_merge(running.map(|head| head.commit), tip)?, running)?;
    Moved { checked_on, base: running.map(|head| head.tree), landing }.judge(desk, context, &view)
}

/// A change between the trees it was validated on, that would land on, and that would land.
struct Moved {
    checked_on: Option<TreeId>,
    base: Option<TreeId>,
    landing: TreeId,
}

impl Moved {
    fn judge(&self, desk: &Desk, context: &Context<'_>, view: &CandidateView) -> Result<(), CommitError> {
        let moved = view.changed_files(self.checked_on, self.base.unwrap_or(TreeId::EMPTY), "")?;
        let moved: Vec<String> = moved.iter().map(|change| change.path().as_str().to_owned()).collect();
        let candidate = GitCandidate::step(view, self.base, self.landing);
        match desk.gate.recheck(&candidate, context, &moved)? {
            Recheck::Holds => Ok(()),
            Recheck::Refused(report) => Err(CommitError::Rejected(report)),
            Recheck::Outdated => Err(CommitError::Outdated),
        }
    }
}

/// Returns the tree that a trial says would land.
pub(crate) fn landing_tree(trial: Trial, running: Option<&HeadCommit>) -> Result<TreeId, CommitError> {
    match trial {
        Trial::FastForward { tree } | Trial::Merge { tree } => Ok(tree),
        Trial::NothingNew => Err(nothing_new(running)),
        Trial::Conflict(conflicts) => Err(CommitError::PushConflict(conflicts)),
        Trial::Unrelated => Err(CommitError::Unrelated),
    }
}

/// The whole gate, for a commit that nobody has validated.
pub(super) fn passes_gate(desk: &Desk, old: Option<&HeadCommit>, new: &HeadCommit) -> Result<bool, CommitError> {
    let view = desk.store.open_candidate()?;
    let tips = [new.commit.object_id()];
    let candidate = GitCandidate::push(&view, &tips, old.map(|head| head.tree), new.tree);
    // Whoever writes to the repository past the server holds its files: nobody can be more of an admin.
    let report = desk.gate.check(&candidate, &desk.context(&Principal::open()))?;
    if !report.is_accepted() {
        tracing::error!("a foreign write does not pass the gate: {}", report.summary());
    }
    Ok(report.is_accepted())
}

#[cfg(test)]
mod tests;
