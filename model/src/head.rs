//! Heads, and what "newer" means.

use crate::{CommitId, Epoch, Revision, TreeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The newest revision a holder knows. Its JSON is the content of `ns/<namespace>/head` in ZooKeeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Generation of the history.
    pub epoch: Epoch,
    /// Position in it.
    pub revision: Revision,
    /// Identity of the revision.
    pub commit: CommitId,
    /// Root tree of the commit.
    pub tree: TreeId,
    /// When the server landed it, in milliseconds by the server's clock.
    pub time_ms: u64,
    /// W3C trace context of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// What orders heads: a head never moves to a lower position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position {
    /// Compared first.
    pub epoch: Epoch,
    /// Compared within an epoch.
    pub revision: Revision,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch == Epoch::FIRST { self.revision.fmt(f) } else { write!(f, "{}/{}", self.epoch, self.revision) }
    }
}

/// How a head that somebody announces relates to the head that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// Follow it.
    Newer,
    /// It confirms what is held.
    Same,
    /// It is older: ignore it.
    Stale,
    /// Same position, other commit: count it and take the server's.
    Diverged,
}

impl Head {
    /// Returns what orders this head among others.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, revision: self.revision }
    }

    /// Decides what `candidate` means to a holder of this head.
    pub fn succession_of(&self, candidate: &Self) -> Succession {
        match candidate.position().cmp(&self.position()) {
            std::cmp::Ordering::Greater => Succession::Newer,
            std::cmp::Ordering::Less => Succession::Stale,
            std::cmp::Ordering::Equal if candidate.commit == self.commit => Succession::Same,
            std::cmp::Ordering::Equal => Succession::Diverged,
        }
    }

    /// Decides what `candidate` means to a holder that may hold nothing yet.
    pub fn succession(held: Option<&Self>, candidate: &Self) -> Succession {
        held.map_or(Succession::Newer, |held| held.succession_of(candidate))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.8})", self.position(), self.commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(epoch: u64, revision: u64, commit: u8) -> Head {
        Head {
            epoch: Epoch(epoch),
            revision: Revision(revision),
            commit: CommitId::from_bytes([commit; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    #[test]
    fn a_restore_outranks_any_revision_before_it() {
        assert_eq!(head(1, 100, 1).succession_of(&head(2, 95, 2)), Succession::Newer);
        assert_eq!(head(2, 95, 1).succession_of(&head(1, 101, 2)), Succession::Stale);
    }

    #[test]
    fn the_same_revision_with_another_commit_is_divergence() {
        assert_eq!(head(1, 7, 1).succession_of(&head(1, 7, 2)), Succession::Diverged);
        assert_eq!(head(1, 7, 1).succession_of(&head(1, 7, 1)), Succession::Same);
        assert_eq!(Head::succession(None, &head(1, 1, 1)), Succession::Newer);
    }

    #[test]
    fn ids_in_log_lines_are_short() {
        assert_eq!(head(1, 42, 0xab).to_string(), "r42 (abababab)");
        assert_eq!(head(3, 42, 0xab).to_string(), "e3/r42 (abababab)");
    }
}
