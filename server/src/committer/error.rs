//! Why a change did not land.

use super::expectation::Mismatch;
use crate::failure::Failure;
use configbus_gitstore::{
    BatchError, ConflictKind, Culprit, ForeignError, LandError, MoveHeadError, PathConflict, ReadError,
};
use configbus_hooks::{CandidateError, Report};
use configbus_model::{ErrorKind, Namespace, Revision};
use configbus_proto::status::{ConflictDetail, Details, FindingDetail};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// When to come back to a full queue: the time a few dozen landings take.
const QUEUE_RETRY_AFTER: Duration = Duration::from_millis(100);

/// A change was not landed; the head is what it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("{}", mismatch_text(.0))]
    Mismatch(Vec<Mismatch>),
    #[error("{}", conflict_text(.0))]
    PushConflict(Vec<PathConflict>),
    #[error("the pushed history has no commit in common with main: clone main and bring the changes there")]
    Unrelated,
    #[error("nothing new: main already is at {head}; to undo a change, push a `git revert` of it")]
    NothingNew { head: Revision },
    #[error("refused by validation: {}", .0.summary())]
    Rejected(Report),
    #[error("revision {revision} does not exist")]
    UnknownRevision { revision: Revision },
    #[error("too many changes wait for {namespace}, try again in a moment (setting limits.queue_length_max)")]
    QueueFull { namespace: Namespace },
    #[error("server is stopping")]
    Stopping,
    #[error("another server serves {namespace}: {by}")]
    ServedByAnother { namespace: Namespace, by: String },
    #[error("somebody else keeps moving the head of the repository")]
    Contended,
    #[error("the policy that this change is judged by keeps changing, try again in a moment")]
    Outdated,
    #[error("the commit was not pushed: its objects are missing")]
    NotChecked,
    #[error(transparent)]
    Land(#[from] LandError),
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Candidate(#[from] CandidateError),
    /// What it would have gone to disk with did not get there.
    #[error(transparent)]
    Batch(Arc<CommitError>),
}

impl CommitError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Mismatch(_) | Self::PushConflict(_) | Self::Unrelated => ErrorKind::Conflict,
            Self::NothingNew { .. } | Self::NotChecked => ErrorKind::Invalid,
            Self::Rejected(report) => report.kind(),
            Self::UnknownRevision { .. } => ErrorKind::NotFound,
            Self::QueueFull { .. } => ErrorKind::Exhausted,
            Self::Stopping | Self::ServedByAnother { .. } | Self::Contended | Self::Outdated => ErrorKind::Unavailable,
            Self::Land(error) => error.kind(),
            Self::Move(error) => error.kind(),
            Self::Foreign(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Candidate(error) => error.kind(),
            Self::Batch(error) => error.kind(),
        }
    }

    fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::Mismatch(mismatches) => details.conflicts = mismatches.iter().map(conflict_detail).collect(),
            Self::Rejected(report) => {
                details.findings = finding_details(report);
                details.report = Some(report.to_json().to_string().into());
            }
            Self::QueueFull { .. } => details.retry_after = Some(QUEUE_RETRY_AFTER),
            Self::Batch(error) => return error.details(),
            _ => {}
        }
        details
    }
}

impl From<BatchError> for CommitError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Land(error) => Self::Land(error),
            BatchError::Move(error) => Self::Move(error),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        if error.kind() == ErrorKind::Internal {
            return Self::internal(&error);
        }
        // A full disk is said in the cause.
        Self { kind: error.kind(), message: configbus_runtime::report::chain(&error), details: error.details() }
    }
}

/// Returns the findings of a report as they travel.
fn finding_details(report: &Report) -> Vec<FindingDetail> {
    let detail =
        |finding: &configbus_hooks::Finding| FindingDetail { place: finding.location(), message: finding.sentence() };
    report.findings.iter().map(detail).collect()
}

fn conflict_detail(mismatch: &Mismatch) -> ConflictDetail {
    ConflictDetail { path: mismatch.path.to_string(), current: mismatch.current.map(|id| id.to_string()) }
}

fn mismatch_text(mismatches: &[Mismatch]) -> String {
    match mismatches {
        [Mismatch { moved: Some((expected, head)), .. }, ..] => {
            format!("main has changed since {expected}: it is at {head}")
        }
        [Mismatch { path, current: Some(id), .. }] => format!("{path} is not what was expected: its id is {id}"),
        [Mismatch { path, current: None, .. }] => format!("{path} is not what was expected: it does not exist"),
        many => format!("{} of the paths are not what was expected", many.len()),
    }
}

/// Conflicts named in full; more than a screen helps nobody.
const CONFLICTS_LISTED_MAX: usize = 20;

fn conflict_text(conflicts: &[PathConflict]) -> String {
    let mut text = String::from("the same files were changed on main meanwhile");
    for conflict in conflicts.iter().take(CONFLICTS_LISTED_MAX) {
        let _ = write!(text, "\n  {}: {}", conflict.path, described(conflict.kind));
        for (side, culprit) in [("main", &conflict.head_side), ("yours", &conflict.push_side)] {
            if let Some(culprit) = culprit {
                let _ = write!(text, "\n    {side}: {}", culprit_text(culprit));
            }
        }
    }
    if let Some(more) = conflicts.len().checked_sub(CONFLICTS_LISTED_MAX).filter(|more| *more > 0) {
        let _ = write!(text, "\n  and {more} more");
    }
    text.push_str("\nrun `git pull`, resolve them and push again");
    text
}

fn described(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::BothAdded => "added on both sides with different content",
        ConflictKind::BothChanged => "changed on both sides",
        ConflictKind::DeletedByPush => "changed on main, deleted by you",
        ConflictKind::DeletedByHead => "deleted on main, changed by you",
        ConflictKind::FileAndDirectory => "a file on one side, a directory on the other",
    }
}

fn culprit_text(culprit: &Culprit) -> String {
    let revision = culprit.revision.map(|revision| format!("{revision} ")).unwrap_or_default();
    format!("{revision}{:.8} {} ({})", culprit.commit, plain(&culprit.subject), plain(&culprit.author))
}

/// What a commit says must not steer the terminal of whoever is told about it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, ConfigPath};

    #[test]
    fn a_push_conflict_names_paths_and_commits_of_both_sides() {
        let culprit = |revision, subject: &str| Culprit {
            commit: CommitId::from_bytes([0xab; 20]),
            revision,
            author: "ada".into(),
            subject: subject.into(),
        };
        let conflict = PathConflict {
            path: ConfigPath::parse("a.json").unwrap(),
            kind: ConflictKind::BothChanged,
            head_side: Some(culprit(Some(Revision(7)), "raise limit")),
            push_side: Some(culprit(None, "lower\u{1b}[2J limit")),
        };
        let expected = "the same files were changed on main meanwhile\n  a.json: changed on both sides\n    \
                        main: r7 abababab raise limit (ada)\n    yours: abababab lower\u{fffd}[2J limit (ada)\n\
                        run `git pull`, resolve them and push again";
        assert_eq!(CommitError::PushConflict(vec![conflict]).to_string(), expected);
    }

    #[test]
    fn a_mismatch_travels_with_path_and_id() {
        let mismatch = Mismatch { path: ConfigPath::parse("a.json").unwrap(), current: None, moved: None };
        let failure = Failure::from(CommitError::Mismatch(vec![mismatch]));
        assert_eq!(failure.kind, ErrorKind::Conflict);
        assert_eq!(failure.details.conflicts, [ConflictDetail { path: "a.json".into(), current: None }]);
    }
}
