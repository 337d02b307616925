//! What is checked again inside the queue, because the head moved since a change was validated.
//!
//! The content of files was validated and merges go file by file, so contents stay valid. What two changes can only
//! break together is a directory: two names that are twins, or too many names. So the directories that the landing
//! would change are looked at again, and nothing else; that costs microseconds and keeps the queue moving.

use super::CommitError;
use super::landing::{Desk, nothing_new};
use bytes::Bytes;
use configbus_gitstore::{CandidateView, HeadCommit, LandError, TreeEdit, Trial};
use configbus_hooks::{
    Candidate, CandidateError, Context, FileChange, FoundFile, GitCandidate, LandingFile, NewObject, PolicyIds,
};
use configbus_model::{CommitId, Principal, TreeId};

/// Edits that were validated on another tree than the running head's.
pub(super) fn edits(
    desk: &Desk,
    context: &Context<'_>,
    running: Option<&HeadCommit>,
    edits: &[TreeEdit],
) -> Result<(), CommitError> {
    let base = running.map(|head| head.tree);
    let staged = desk.store.stage_edits(base, edits).map_err(LandError::from)?;
    directories(desk, context, &desk.store.open_staged(&staged)?, base, staged.tree())
}

/// A push whose trial was made on another head.
pub(super) fn push(
    desk: &Desk,
    context: &Context<'_>,
    running: Option<&HeadCommit>,
    tip: CommitId,
) -> Result<(), CommitError> {
    if running.is_some_and(|head| head.commit == tip) {
        return Ok(());
    }
    let view = desk.store.open_candidate()?;
    let tree = landing_tree(view.trial_merge(running.map(|head| head.commit), tip)?, running)?;
    directories(desk, context, &view, running.map(|head| head.tree), tree)
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

fn directories(
    desk: &Desk,
    context: &Context<'_>,
    view: &CandidateView,
    from: Option<TreeId>,
    to: TreeId,
) -> Result<(), CommitError> {
    let report = desk.gate.check(&DirectoriesOnly(GitCandidate::step(view, from, to)), context)?;
    if report.is_accepted() { Ok(()) } else { Err(CommitError::Rejected(report)) }
}

/// A candidate of which only the directories are new to the gate.
struct DirectoriesOnly<'a>(GitCandidate<'a>);

impl Candidate for DirectoriesOnly<'_> {
    fn new_objects(&self, _visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError> {
        Ok(())
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        Ok(Vec::new())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        self.0.changed_directories(visit)
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        self.0.content(file)
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.0.base_file(path)
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.0.landing_file(path)
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        self.0.policy_ids()
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        self.0.landing_files(wanted)
    }
}
