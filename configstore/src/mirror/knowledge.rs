//! What a mirror knows of heads: the one it holds, and what it was told of others.

use super::event::Found;
use configbus_model::{Epoch, Head};
use std::cmp::Ordering;

/// What a head means to a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Further on in the held epoch.
    Newer,
    /// Nothing is held yet, or its epoch is above the held one.
    NewEpoch,
    /// It is what is held.
    Held,
    /// Below what is held.
    Stale,
    /// At the held position with another commit.
    Diverged,
}

/// The heads a mirror knows of.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    /// What subscribers are brought to.
    pub(super) held: Option<Head>,
    /// The furthest that coordination told of, until it is reached or refuted.
    pub(super) hint: Option<Head>,
    /// What the server said last, until that turned out to be outdated.
    pub(super) truth: Option<Head>,
}

impl Knowledge {
    /// Returns the newest head anybody plausibly told of, the held one included.
    pub(super) fn upstream_head(&self) -> Option<&Head> {
        let known = [self.held.as_ref(), self.truth.as_ref(), self.plausible_hint()];
        known.into_iter().flatten().max_by_key(|head| head.position())
    }

    /// Returns the hint as long as it promises more than the server said.
    pub(super) fn plausible_hint(&self) -> Option<&Head> {
        let above_truth = |hint: &&Head| self.truth.as_ref().is_none_or(|t| hint.position() > t.position());
        self.hint.as_ref().filter(|hint| self.standing_of(hint) == Standing::Newer).filter(above_truth)
    }

    /// Returns whether a head may become the held one: never from a lower position.
    pub(super) fn may_adopt(&self, head: &Head) -> bool {
        self.held.as_ref().is_none_or(|held| {
            head.position() > held.position() || (head.position() == held.position() && head.commit != held.commit)
        })
    }

    pub(super) fn standing_of(&self, head: &Head) -> Standing {
        let Some(held) = &self.held else { return Standing::NewEpoch };
        match head.epoch.cmp(&held.epoch) {
            Ordering::Less => Standing::Stale,
            Ordering::Greater => Standing::NewEpoch,
            Ordering::Equal if head.commit == held.commit => Standing::Held,
            Ordering::Equal => match head.revision.cmp(&held.revision) {
                Ordering::Less => Standing::Stale,
                Ordering::Equal => Standing::Diverged,
                Ordering::Greater => Standing::Newer,
            },
        }
    }

    /// Completes what Git knows of a commit with what only the server says: epoch, landing time and trace.
    pub(super) fn complete(&self, found: &Found, epoch: Epoch) -> Head {
        let mut known = [&self.truth, &self.hint, &self.held].into_iter().flatten();
        let told = known.find(|head| head.commit == found.commit);
        Head {
            epoch,
            revision: found.revision,
            commit: found.commit,
            tree: found.tree,
            time_ms: told.map_or(found.committed_ms, |head| head.time_ms),
            traceparent: told.and_then(|head| head.traceparent.clone()),
        }
    }
}
