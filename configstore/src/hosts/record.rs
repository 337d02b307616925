//! What a store knows of one host.

use crate::subscription::Answer;
use configbus_model::{Head, Namespace, TreeId};
use configbus_proto::{convert::head_to_wire, convert::heads_to_wire, v1};
use std::collections::{BTreeMap, BTreeSet};

/// Longest reason that is kept; the rest is cut.
const REASON_CHARS_MAX: usize = 1_000;

/// Who a host says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HostIdentity {
    pub(crate) host: String,
    /// Distinguishes two lives of the host's agent.
    pub(crate) incarnation: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Of the agent's software.
    pub(crate) version: String,
}

/// One host's answer to an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) namespace: Namespace,
    pub(crate) head: Head,
    pub(crate) answer: Answer,
    /// What the host shows to readers.
    pub(crate) effective_tree: Option<TreeId>,
    pub(crate) reason: String,
}

#[derive(Debug, Clone)]
struct Refusal {
    head: Head,
    reason: String,
    time_ms: u64,
}

/// A host that is subscribed, or was.
#[derive(Debug)]
pub(crate) struct HostRecord {
    identity: HostIdentity,
    applied: BTreeMap<Namespace, Head>,
    applied_ms: u64,
    effective_tree: Option<TreeId>,
    refusals: BTreeMap<Namespace, Refusal>,
    /// What it is sent besides `main`.
    carried: BTreeSet<Namespace>,
}

impl HostRecord {
    pub(crate) fn new(identity: HostIdentity) -> Self {
        let (applied, refusals, carried) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { identity, applied, applied_ms: 0, effective_tree: None, refusals, carried }
    }

    /// Takes what a host says it holds, which is what its readers see.
    pub(crate) fn greet(&mut self, identity: HostIdentity, holding: BTreeMap<Namespace, Head>, now_ms: u64) {
        self.identity = identity;
        if self.applied != holding {
            self.applied_ms = now_ms;
            self.effective_tree = None;
        }
        self.refusals.retain(|namespace, refusal| !reaches(holding.get(namespace), &refusal.head));
        self.applied = holding;
    }

    /// Notes what the host is sent besides `main` and forgets all others; returns whether the record changed.
    pub(crate) fn carry(&mut self, carried: BTreeSet<Namespace>) -> bool {
        let is_kept = |namespace: &Namespace| *namespace == Namespace::main() || carried.contains(namespace);
        self.applied.retain(|namespace, _| is_kept(namespace));
        self.refusals.retain(|namespace, _| is_kept(namespace));
        let changed = self.carried != carried;
        self.carried = carried;
        changed
    }

    /// Returns whether the record changed.
    pub(crate) fn acknowledge(&mut self, acknowledgement: &Acknowledgement, now_ms: u64) -> bool {
        let Acknowledgement { namespace, head, answer, effective_tree, reason } = acknowledgement;
        match answer {
            Answer::Observed => return false,
            Answer::Applied => {
                self.refusals.remove(namespace);
                self.applied.insert(namespace.clone(), head.clone());
                self.applied_ms = now_ms;
                self.effective_tree = *effective_tree;
            }
            Answer::Refused => {
                let reason = reason.chars().take(REASON_CHARS_MAX).collect();
                self.refusals.insert(namespace.clone(), Refusal { head: head.clone(), reason, time_ms: now_ms });
            }
        }
        true
    }

    /// Returns what the server is told.
    pub(crate) fn to_wire(&self, store: &str, connected: bool) -> v1::HostStatus {
        let refusal = |(namespace, refusal): (&Namespace, &Refusal)| v1::Refusal {
            head: Some(head_to_wire(namespace, &refusal.head)),
            reason: refusal.reason.clone(),
            time_ms: refusal.time_ms,
        };
        v1::HostStatus {
            host: self.identity.host.clone(),
            incarnation: self.identity.incarnation.clone(),
            labels: self.identity.labels.clone().into_iter().collect(),
            store: store.to_owned(),
            applied: heads_to_wire(&self.applied),
            effective_tree: self.effective_tree.map(|tree| tree.to_string()).unwrap_or_default(),
            applied_ms: self.applied_ms,
            refusals: self.refusals.iter().map(refusal).collect(),
            connected,
            version: self.identity.version.clone(),
            namespaces: self.carried.iter().map(ToString::to_string).collect(),
        }
    }
}

fn reaches(held: Option<&Head>, head: &Head) -> bool {
    held.is_some_and(|held| held.position() >= head.position())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    fn acknowledgement(revision: u64, answer: Answer, reason: &str) -> Acknowledgement {
        let (namespace, head) = (Namespace::main(), head(revision));
        Acknowledgement { namespace, head, answer, effective_tree: Some(TreeId::EMPTY), reason: reason.to_owned() }
    }

    fn check_status(record: &HostRecord, applied: &[u64], refused: &[u64]) {
        let status = record.to_wire("store-1", true);
        assert_eq!(status.applied.iter().map(|head| head.revision).collect::<Vec<_>>(), applied);
        let revision = |refusal: &v1::Refusal| refusal.head.as_ref().unwrap().revision;
        assert_eq!(status.refusals.iter().map(revision).collect::<Vec<_>>(), refused);
    }

    #[test]
    fn a_refusal_is_forgotten_when_a_later_head_is_applied() {
        let mut record = HostRecord::new(HostIdentity::default());
        assert!(!record.acknowledge(&acknowledgement(1, Answer::Observed, ""), 1));
        check_status(&record, &[], &[]);
        record.acknowledge(&acknowledgement(1, Answer::Applied, ""), 1);
        record.acknowledge(&acknowledgement(2, Answer::Refused, "disk full"), 2);
        check_status(&record, &[1], &[2]);
        record.acknowledge(&acknowledgement(3, Answer::Applied, ""), 3);
        check_status(&record, &[3], &[]);
    }

    #[test]
    fn a_refusal_survives_a_reconnect_until_the_host_is_past_it() {
        let mut record = HostRecord::new(HostIdentity::default());
        record.acknowledge(&acknowledgement(2, Answer::Refused, "disk full"), 2);
        record.greet(HostIdentity::default(), BTreeMap::from([(Namespace::main(), head(1))]), 3);
        check_status(&record, &[1], &[2]);
        record.greet(HostIdentity::default(), BTreeMap::from([(Namespace::main(), head(2))]), 4);
        check_status(&record, &[2], &[]);
    }

    #[test]
    fn reasons_are_cut() {
        let mut record = HostRecord::new(HostIdentity::default());
        record.acknowledge(&acknowledgement(2, Answer::Refused, &"é".repeat(5_000)), 2);
        assert_eq!(record.to_wire("s", true).refusals[0].reason.chars().count(), REASON_CHARS_MAX);
    }
}
