//! Whether a process may take traffic: once ready, ready. Freshness is reported separately.

use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::watch;

/// A latch over named conditions; ready when each was met once.
#[derive(Debug, Clone)]
pub struct Readiness {
    pending: Arc<watch::Sender<BTreeSet<&'static str>>>,
}

impl Readiness {
    /// Waits for these conditions, each written as what is missing: `"no revision on disk yet"`.
    pub fn new(conditions: impl IntoIterator<Item = &'static str>) -> Self {
        Self { pending: Arc::new(watch::Sender::new(conditions.into_iter().collect())) }
    }

    /// Marks a condition as met, for good.
    pub fn met(&self, condition: &'static str) {
        self.pending.send_if_modified(|pending| pending.remove(condition));
    }

    /// Returns whether every condition was met.
    pub fn is_ready(&self) -> bool {
        self.pending.borrow().is_empty()
    }

    /// Returns the conditions that were not met yet.
    pub fn pending(&self) -> Vec<&'static str> {
        self.pending.borrow().iter().copied().collect()
    }

    /// Waits until every condition was met.
    pub async fn wait(&self) {
        let mut pending = self.pending.subscribe();
        let reached = pending.wait_for(BTreeSet::is_empty).await;
        reached.expect("the sender lives as long as self");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_when_each_condition_was_met_once() {
        let readiness = Readiness::new(["no head yet", "not listening yet"]);
        readiness.met("no head yet");
        readiness.met("no head yet");
        assert_eq!(readiness.pending(), ["not listening yet"]);
        assert!(!readiness.is_ready());
        readiness.met("not listening yet");
        readiness.wait().await;
        assert!(readiness.is_ready());
    }
}
