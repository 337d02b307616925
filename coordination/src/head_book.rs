//! The heads a registry yields: they only rise, whatever is read in whatever order.

use crate::{
    Announcement, Heads,
    head_record::{HeadRecord, Observation},
};
use configbus_model::{Head, Namespace};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Heads as this process knows them.
#[derive(Default)]
pub(crate) struct HeadBook {
    records: Mutex<BTreeMap<Namespace, HeadRecord>>,
    published: watch::Sender<Heads>,
}

impl HeadBook {
    pub(crate) fn subscribe(&self) -> watch::Receiver<Heads> {
        self.published.subscribe()
    }

    pub(crate) fn record(&self, namespace: &Namespace) -> Option<HeadRecord> {
        self.records().get(namespace).cloned()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Namespace, HeadRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the record of a namespace by what `decide` makes of it, if it makes anything. Returns what it was
    /// before, and the decision.
    pub(crate) fn replace(
        &self,
        namespace: &Namespace,
        decide: impl FnOnce(Option<&HeadRecord>) -> Result<HeadRecord, Announcement>,
    ) -> (Option<HeadRecord>, Result<HeadRecord, Announcement>) {
        let mut records = self.records();
        let before = records.get(namespace).cloned();
        let decision = decide(before.as_ref());
        if let Ok(record) = &decision {
            self.publish(&mut records, namespace, record.clone());
        }
        (before, decision)
    }

    /// Takes note of a record that was read or written elsewhere.
    pub(crate) fn observe(&self, namespace: &Namespace, seen: HeadRecord) {
        let mut records = self.records();
        match HeadRecord::observe(records.get(namespace), &seen) {
            Observation::Same => return,
            Observation::Stale => {
                tracing::debug!(%namespace, head = %seen.head, "ignored a stale head of {namespace}");
                return;
            }
            Observation::Diverged => {
                count_divergence(namespace, records.get(namespace).map(|held| &held.head), &seen.head);
            }
            Observation::Corrected => {
                tracing::warn!(%namespace, head = %seen.head, "the server corrected the head of {namespace}");
            }
            Observation::Newer => {}
        }
        self.publish(&mut records, namespace, seen);
    }

    /// Takes the locked records, so that two writers cannot publish in the wrong order.
    fn publish(&self, records: &mut BTreeMap<Namespace, HeadRecord>, namespace: &Namespace, record: HeadRecord) {
        let head = record.head.clone();
        records.insert(namespace.clone(), record);
        self.published.send_modify(|heads| {
            heads.insert(namespace.clone(), head);
        });
    }
}

/// Counts and logs that one position has two commits.
pub(crate) fn count_divergence(namespace: &Namespace, held: Option<&Head>, seen: &Head) {
    metrics::counter!("configbus_coordination_divergence_total").increment(1);
    let held = held.map(ToString::to_string).unwrap_or_default();
    tracing::error!(%namespace, held, seen = %seen, "histories of {namespace} diverge: one revision, two commits");
}

/// Counts and logs that the server replaced a value its Git does not know.
pub(crate) fn count_correction(namespace: &Namespace, found: &Head, head: &Head) {
    metrics::counter!("configbus_coordination_corrections_total").increment(1);
    tracing::error!(%namespace, found = %found, head = %head, "corrected the announced head of {namespace}");
}
