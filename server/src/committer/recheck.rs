//! What is checked again inside the queue, because the head moved since a change was validated.
//!
//! Who may change what, and directories, each time; that costs microseconds. Where what the change was judged by moved,
//! policy or a file that policy reads, it leaves the queue to be checked anew: that may take long, and others wait. Only what
//! came back several times is checked in here.

use super::landing::{Desk, nothing_new};
use super::steps::Steps;
use super::{CommitError, EditsChange, Mounting, PushChange, WhenOutdated};
use crate::gate_time::GateDoor;
use configbus_gitstore::{Batch, CandidateView, HeadCommit, StagedEdits, Trial};
use configbus_hooks::{GitCandidate, Recheck};
use configbus_model::{Principal, TreeId};

/// Edits that were validated on another tree than the running head's.
pub(super) fn edits(
    desk: &Desk,
    batch: &Batch,
    steps: &Steps,
    staged: &StagedEdits,
    change: &EditsChange,
) -> Result<(), CommitError> {
    let view = batch.open_staged(staged)?;
    let judged = Judged {
        view: &view,
        candidate: GitCandidate::edits(&view, staged),
        principal: &change.principal,
        when_outdated: change.when_outdated,
        mounting: change.mounting,
    };
    match steps.since(change.checked_on) {
        Some(moved) => judged.again(desk, &moved),
        None => judged.by_trees(desk, change.checked_on, batch.running().map(|head| head.tree)),
    }
}

/// A push whose trial was made on another head than the running one.
pub(super) fn push(desk: &Desk, running: Option<&HeadCommit>, change: &PushChange) -> Result<(), CommitError> {
    if running.is_some_and(|head| head.commit == change.tip) {
        return Ok(());
    }
    let view = desk.store.open_candidate()?;
    let checked_on = change.checked_on.map(|commit| view.tree_of(commit)).transpose()?;
    let landing = landing_tree(view.trial_merge(running.map(|head| head.commit), change.tip)?, running)?;
    let base = running.map(|head| head.tree);
    let judged = Judged {
        view: &view,
        candidate: GitCandidate::step(&view, base, landing),
        principal: &change.principal,
        when_outdated: change.when_outdated,
        mounting: Mounting::Leaves,
    };
    judged.by_trees(desk, checked_on, base)
}

/// A change that was accepted on another tree.
struct Judged<'a> {
    view: &'a CandidateView,
    candidate: GitCandidate<'a>,
    principal: &'a Principal,
    when_outdated: WhenOutdated,
    mounting: Mounting,
}

impl Judged<'_> {
    /// Finds out what moved by comparing the tree it was validated on with the one it would land on.
    fn by_trees(&self, desk: &Desk, checked_on: Option<TreeId>, base: Option<TreeId>) -> Result<(), CommitError> {
        let moved = self.view.changed_files(checked_on, base.unwrap_or(TreeId::EMPTY), "")?;
        let moved: Vec<&str> = moved.iter().map(|change| change.path().as_str()).collect();
        self.again(desk, &moved)
    }

    fn again(&self, desk: &Desk, moved: &[&str]) -> Result<(), CommitError> {
        let mounts = desk.mounts.current();
        let context = desk.context(self.principal, &mounts, self.mounting);
        match (desk.gate.recheck(&self.candidate, &context, moved)?, self.when_outdated) {
            (Recheck::Holds, _) => Ok(()),
            (Recheck::Refused(report), _) => Err(CommitError::Rejected(report)),
            (Recheck::Outdated, WhenOutdated::ComeBack) => Err(CommitError::Outdated),
            (Recheck::Outdated, WhenOutdated::CheckNow) => {
                match GateDoor::Queue.check(&desk.gate, &self.candidate, &context)? {
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
    let (principal, mounts) = (Principal::open(), desk.mounts.current());
    let context = desk.context(&principal, &mounts, Mounting::Leaves);
    let report = GateDoor::Foreign.check(&desk.gate, &candidate, &context)?;
    if !report.is_accepted() {
        tracing::error!("a foreign write does not pass the gate: {}", report.summary());
    }
    Ok(report.is_accepted())
}

#[cfg(test)]
mod tests;
