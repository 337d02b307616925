//! First-parent history.

use crate::Commit;
use configbus_model::Revision;

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its position.
    pub revision: Revision,
    /// When it landed, by the server's clock.
    pub landed_ms: u64,
    /// The commit; more than one parent says that it merged a push.
    pub commit: Commit,
}

/// One page of history, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPage {
    /// The revisions, possibly none: looking for a path stops after a bounded number of revisions.
    pub entries: Vec<LogEntry>,
    /// Where to go on; `None` when history is exhausted.
    pub next: Option<Revision>,
}
