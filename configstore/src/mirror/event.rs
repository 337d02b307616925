//! What happens to a mirror, and what it does about it.

use configbus_model::{CommitId, Head, Revision, TreeId};
use tokio::time::Instant;

/// A commit as the mirror's own repository describes it: the announcement is only a hint, this is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The commit that arrived.
    pub(crate) commit: CommitId,
    /// Its root tree.
    pub(crate) tree: TreeId,
    /// First-parent commits up to it.
    pub(crate) revision: Revision,
    /// When it was made, for heads whose landing time nobody told.
    pub(crate) committed_ms: u64,
    /// Whether the commit that was held is on its first-parent chain.
    pub(crate) descends: bool,
}

/// Why an action failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server does not answer.
    Unreachable,
    /// The server cannot make the pack: one of the commits is unknown to it, or they are not related.
    Unknown,
    /// `git fetch` failed although the server answers.
    Fetch,
    /// The disk is full or refuses.
    Disk,
    /// Objects are missing or altered, here or on the way.
    Damaged,
}

/// What a mirror learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Coordination says this is the server's head: a hint.
    Announced(Head),
    /// The server itself says what its head is; `None` when the namespace has no revision yet.
    ServerSaid(Option<Head>),
    /// The pack of [`Action::FetchPack`] is indexed.
    Fetched(Found),
    /// [`Action::Fill`] or [`Action::Rebuild`] is done; `None` when the server has no revision yet.
    Filled(Option<Found>),
    /// [`Action::Adopt`] is done.
    Adopted,
    /// The action in flight failed.
    Failed(Failure),
    /// A reader found the repository incomplete.
    Damaged,
    /// The time of [`Action::WakeAt`] has come.
    Tick,
}

/// Something worth counting and telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incident {
    /// A head at the held position or above it that does not descend from the held one.
    Diverged,
    /// What was fetched is not at the revision that was announced.
    Misannounced,
    /// The server's head is below the held one: it lost history without raising the epoch.
    ServerBehind,
    /// The mirror is filled or rebuilt over `git fetch`.
    Repair,
}

/// What a mirror wants done. At most one of the first four is in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ask the server for the pack between two commits, index it, describe the second.
    FetchPack {
        /// Held.
        from: CommitId,
        /// Wanted.
        to: CommitId,
    },
    /// Fetch everything the server's `main` has that is missing here, check it, describe it.
    Fill,
    /// Build a new repository beside the old one and describe it.
    Rebuild,
    /// Put a repository that was built beside in place, move the mirror's ref, record the head.
    Adopt(Head),
    /// Show the head to subscribers.
    Publish(Head),
    /// Ask the server for its heads soon.
    AskServer,
    /// Count and log.
    Count(Incident),
    /// Send [`Event::Tick`] at this time.
    WakeAt(Instant),
}
