//! What the committer is asked, and what it answers.

use super::Edit;
use crate::requests::Ticket;
use configbus_gitstore::{HeadCommit, Person, StagedFile, Store};
use configbus_model::{CommitId, Head, Principal, TreeId};
use std::sync::Arc;

/// Somebody's wish to change `main`.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// From the API.
    Edits(EditsChange),
    /// From `git push`.
    Push(PushChange),
    /// Something that nothing else may land during.
    Hold(Hold),
}

/// What is done meanwhile.
pub(crate) type HeldWork = Arc<dyn Fn(&Store) -> Option<HeadCommit> + Send + Sync>;

/// Work on the repository while the committer is held. It is bounded by whoever does it: everybody else waits.
#[derive(Clone)]
pub(crate) struct Hold {
    /// Who asked, as authenticated.
    pub(crate) principal: Arc<Principal>,
    pub(crate) traceparent: String,
    /// Returns the new head if it moved it.
    pub(crate) work: HeldWork,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// What to do when what a change was judged by has moved while it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenOutdated {
    /// Give it back, so that nobody waits while it is checked anew.
    ComeBack,
    /// Check it now: it came back often enough, and whoever loses every race would never land.
    CheckNow,
}

/// Whether a change may touch what is mounted where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mounting {
    /// It is somebody's, who may not.
    #[default]
    Leaves,
    /// It is the bus that changes it.
    Changes,
}

/// Edits that were validated against a named tree.
#[derive(Debug, Clone)]
pub(crate) struct EditsChange {
    /// Who asked, as authenticated.
    pub(crate) principal: Arc<Principal>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) author: Person,
    pub(crate) message: String,
    pub(crate) traceparent: String,
    /// Tree the edits were validated on; `None` when there was no commit.
    pub(crate) checked_on: Option<TreeId>,
    pub(crate) when_outdated: WhenOutdated,
    pub(crate) mounting: Mounting,
    /// Of a request that may be repeated.
    pub(crate) ticket: Option<Arc<Ticket>>,
}

/// A pushed tip that was validated, trial landing included, against a named head.
#[derive(Debug, Clone)]
pub(crate) struct PushChange {
    /// Who pushed, as authenticated.
    pub(crate) principal: Arc<Principal>,
    pub(crate) tip: CommitId,
    /// In the pusher's words; part of the merge commit when there is one.
    pub(crate) reason: Option<String>,
    pub(crate) traceparent: String,
    /// Head the trial was made on; `None` when there was no commit.
    pub(crate) checked_on: Option<CommitId>,
    pub(crate) when_outdated: WhenOutdated,
}

/// How a change became part of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It was part of it already; no commit.
    Unchanged,
    /// By a commit of the bus.
    Edited,
    /// The pushed tip is the head.
    FastForward,
    /// By a merge of the pushed tip.
    Merged,
}

impl How {
    /// Returns the value of the metric's label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Edited => "edited",
            Self::FastForward => "fast_forward",
            Self::Merged => "merged",
        }
    }
}

/// A change that is durable and visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Landed {
    /// The head it is part of.
    pub(crate) head: Head,
    /// The head before it.
    pub(crate) before: Option<Head>,
    pub(crate) how: How,
    /// What became of each file, in the order of the edits; of a push nothing is told.
    pub(crate) files: Vec<StagedFile>,
}
