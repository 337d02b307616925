//! What is known of one host.

use configbus_model::{Head, Namespace, Revision, TreeId};
use std::collections::{BTreeMap, BTreeSet};

/// A head a host did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) namespace: Namespace,
    pub(crate) head: Head,
    pub(crate) reason: String,
    pub(crate) time_ms: u64,
}

/// One host as its store last described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) incarnation: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) store: String,
    pub(crate) applied: BTreeMap<Namespace, Head>,
    pub(crate) effective_tree: Option<TreeId>,
    /// When the server learned of `applied`, by its own clock; 0 while nothing is applied.
    pub(crate) applied_ms: u64,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) connected: bool,
    pub(crate) version: String,
    /// What it is sent besides `main`.
    pub(crate) carried: BTreeSet<Namespace>,
}

impl Host {
    /// Returns whether readers on the host see at least this revision.
    pub(crate) fn has_applied(&self, namespace: &Namespace, revision: Revision) -> bool {
        self.applied.get(namespace).is_some_and(|head| head.revision >= revision)
    }

    /// Returns whether a namespace belongs to what readers on the host see or will see.
    pub(crate) fn carries(&self, namespace: &Namespace) -> bool {
        *namespace == Namespace::main() || self.carried.contains(namespace)
    }

    /// Returns whether readers on the host see the server's head or a later one of all that the host carries.
    pub(crate) fn is_current(&self, heads: &BTreeMap<Namespace, Head>) -> bool {
        heads.iter().filter(|(namespace, _)| self.carries(namespace)).all(|(namespace, head)| {
            self.applied.get(namespace).is_some_and(|applied| applied.position() >= head.position())
        })
    }

    /// Returns whether it refuses something newer than what it shows.
    pub(crate) fn is_refusing(&self) -> bool {
        self.refusals.iter().any(|refusal| {
            let applied = self.applied.get(&refusal.namespace);
            applied.is_none_or(|applied| applied.position() < refusal.head.position())
        })
    }

    /// Returns whether `other`, another description of this host, shows older content in some namespace.
    pub(crate) fn is_ahead_of(&self, other: &Self) -> bool {
        self.applied.iter().any(|(namespace, head)| {
            other.applied.get(namespace).is_none_or(|theirs| theirs.position() < head.position())
        })
    }
}
