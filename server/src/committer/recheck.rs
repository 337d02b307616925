//! What is checked again inside the queue, because the head moved since a change was validated.
//!
//! Who may change what, and directories, each time; that costs microseconds. Where what the change was judged by moved,
//! policy or a file that policy reads, it leaves the queue to be checked anew: that may take long, and others wait. Only what
//! came back several times is checked in here.

use super::landing::{Desk, nothing_new};
use super::{CommitError, EditsChange, PushChange, WhenOutdated};
use crate::gate_time::GateDoor;
use configbus_gitstore::{CandidateView, HeadCommit, LandError, TreeEdit, Trial};
use configbus_hooks::{GitCandidate, Recheck};
use configbus_model::{Principal, TreeId};

/// Edits that were validated on another tree than the running head's.
pub(super) fn edits(
    desk: &Desk,
    running: Option<&HeadCommit>,
    edits: &[TreeEdit],
    change: &EditsChange,
) -> Result<(), CommitError> {
    let base = running.map(|head| head.tree);
    let staged = desk.store.stage_edits(base, edits).map_err(LandError::from)?;
    let view = desk.store.open_staged(&staged)?;
    let moved = Moved { checked_on: change.checked_on, base, landing: staged.tree() };
    moved.judge(desk, &view, &change.principal, change.when_outdated)
}

/// A push whose trial was made on another head than the running one.
pub(super) fn push(desk: &Desk, running: Option<&HeadCommit>, change: &PushChange) -> Result<(), CommitError> {
    if running.is_some_and(|head| head.commit == change.tip) {
        return Ok(());
    }
    let view = desk.store.open_candidate()?;
    let checked_on = change.checked_on.map(|commit| view.tree_of(commit)).transpose()?;
    let landing = landing_tree(view.trial_merge(running.map(|head| head.commit), change.tip)?, running)?;
    let moved = Moved { checked_on, base: running.map(|head| head.tree), landing };
    moved.judge(desk, &view, &change.principal, change.when_outdated)
}

/// A change between the trees it was validated on, that it would land on, and that would land.
struct Moved {
    checked_on: Option<TreeId>,
    base: Option<TreeId>,
    landing: TreeId,
}

impl Moved {
    fn judge(
        &self,
        desk: &Desk,
        view: &CandidateView,
        principal: &Principal,
        when_outdated: WhenOutdated,
    ) -> Result<(), CommitError> {
        let moved = view.changed_files(self.checked_on, self.base.unwrap_or(TreeId::EMPTY), "")?;
        let moved: Vec<String> = moved.iter().map(|change| change.path().as_str().to_owned()).collect();
        let (candidate, context) = (GitCandidate::step(view, self.base, self.landing), desk.context(principal));
        match (desk.gate.recheck(&candidate, &context, &moved)?, when_outdated) {
            (Recheck::Holds, _) => Ok(()),
            (Recheck::Refused(report), _) => Err(CommitError::Rejected(report)),
            (Recheck::Outdated, WhenOutdated::ComeBack) => Err(CommitError::Outdated),
            (Recheck::Outdated, WhenOutdated::CheckNow) => {
                match GateDoor::Queue.check(&desk.gate, &candidate, &context)? {
                    report if report.is_accepted() => Ok(()),
                    report => Err(CommitError::Rejected(report)),
                }
            }
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
    let report = GateDoor::Foreign.check(&desk.gate, &candidate, &desk.context(&Principal::open()))?;
    if !report.is_accepted() {
        tracing::error!("a foreign write does not pass the gate: {}", report.summary());
    }
    Ok(report.is_accepted())
}

#[cfg(test)]
mod tests;
