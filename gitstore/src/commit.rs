//! Commits: what is read of them and what is written into them.

use configbus_model::{CommitId, TreeId};

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name as shown in history.
    pub name: String,
    /// Mail address, may be made up.
    pub email: String,
}

/// What a commit made by the bus says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMeta {
    /// Whose change it is.
    pub author: Person,
    /// Who put it there.
    pub committer: Person,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Subject, body and trailers.
    pub message: String,
}

/// A commit as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its identity.
    pub id: CommitId,
    /// Its content.
    pub tree: TreeId,
    /// What it builds on, first parent first.
    pub parents: Vec<CommitId>,
    /// Whose change it is.
    pub author: Person,
    /// When its author made it, by the author's clock.
    pub authored_ms: u64,
    /// Who put it there.
    pub committer: Person,
    /// When it was committed, by the committer's clock.
    pub committed_ms: u64,
    /// Subject, body and trailers.
    pub message: String,
}

impl Commit {
    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}
