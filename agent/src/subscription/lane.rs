//! What a subscription knows of one namespace.

use super::{
    Recovery, Upstream,
    updates::{Incoming, Verdict},
};
use configbus_model::{Head, Succession};
use std::time::Duration;

/// One namespace: updates of it come one at a time, independently of the others.
#[derive(Debug)]
pub(super) struct Lane {
    /// What readers see.
    pub(super) held: Option<Head>,
    pub(super) upstream: Upstream,
    pub(super) incoming: Option<Incoming>,
    /// Complete update on its way to readers, and whether it is a full sync.
    pub(super) delivering: Option<(Head, bool)>,
    /// It waits for another namespace.
    pub(super) is_parked: bool,
    pub(super) recovery: Recovery,
    pub(super) behind_since: Option<Duration>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            held: None,
            upstream: Upstream::default(),
            incoming: None,
            delivering: None,
            is_parked: false,
            recovery: Recovery::new(),
            behind_since: None,
        }
    }
}

impl Lane {
    /// Returns what readers will see once the update under way is visible.
    pub(super) fn expected(&self) -> Option<&Head> {
        self.delivering.as_ref().map(|(to, _)| to).or(self.held.as_ref())
    }

    /// Returns what a head means here.
    pub(super) fn succession(&self, head: &Head) -> Succession {
        match Head::succession(self.expected(), head) {
            // One commit has one tree: with another one, what is here is not what was announced.
            Succession::Same if self.expected().is_some_and(|held| held.tree != head.tree) => Succession::Diverged,
            other => other,
        }
    }

    /// Returns whether something is being taken.
    pub(super) fn is_busy(&self) -> bool {
        self.incoming.is_some() || (self.delivering.is_some() && !self.is_parked)
    }

    /// Forgets an update that will not be completed; returns whether parts of it were handed on.
    pub(super) fn abandon(&mut self) -> bool {
        self.incoming.take().is_some_and(|incoming| incoming.verdict == Verdict::Take)
    }

    /// Forgets a complete update that waits: a newer one takes its place, or what it builds on is gone.
    pub(super) fn unpark(&mut self) {
        if std::mem::take(&mut self.is_parked) {
            self.delivering = None;
        }
    }

    /// Returns whether a store that has `head` owes an update: readers see less and nothing is under way.
    pub(super) fn is_owed(&self, head: Option<&Head>) -> bool {
        let idle = self.incoming.is_none() && self.delivering.is_none() && self.recovery.retry_at().is_none();
        idle && head.is_some_and(|head| match self.succession(head) {
            Succession::Newer | Succession::Diverged => true,
            Succession::Same => self.recovery.wants_everything(),
            Succession::Stale => false,
        })
    }
}
