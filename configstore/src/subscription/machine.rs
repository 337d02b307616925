//! Decides what one subscriber is sent. Owns no I/O; `stream` feeds it.
//!
//! One update per namespace is out at a time: the next one leaves when the host has answered `applied` or `refused`.
//! So whatever lands meanwhile is skipped, a slow host never has a queue of old revisions to work through, and
//! every delta is relative to what the host is known to hold.

use configbus_model::{Head, Namespace, Succession};
use std::collections::{BTreeMap, BTreeSet};

/// How a host answered an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Received completely.
    Observed,
    /// Visible to readers.
    Applied,
    /// Not taken.
    Refused,
}

/// An update to compute and send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) namespace: Namespace,
    /// What the host holds; `None` asks for a full sync.
    pub(crate) from: Option<Head>,
    pub(crate) to: Head,
}

/// One host's side of things.
#[derive(Debug, Default)]
pub(crate) struct Subscription {
    /// Sent besides `main`.
    wanted: BTreeSet<Namespace>,
    by_namespace: BTreeMap<Namespace, Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// What readers on the host see.
    applied: Option<Head>,
    /// Sent, or about to be, and not answered.
    outstanding: Option<Head>,
    /// The last one not taken; it is not offered again until the host says what it holds anew.
    refused: Option<Head>,
}

impl Subscription {
    /// The host says what it holds: all earlier knowledge about it is void.
    pub(crate) fn greet(&mut self, holding: BTreeMap<Namespace, Head>) {
        let progress = |applied| Progress { applied: Some(applied), ..Progress::default() };
        self.by_namespace = holding.into_iter().map(|(namespace, head)| (namespace, progress(head))).collect();
    }

    /// The host says what it wants besides `main`, as far as it may. What is known of the rest is forgotten.
    pub(crate) fn want(&mut self, wanted: BTreeSet<Namespace>) {
        self.wanted = wanted;
        let wanted = &self.wanted;
        self.by_namespace.retain(|namespace, _| *namespace == Namespace::main() || wanted.contains(namespace));
    }

    /// The host answers an update.
    pub(crate) fn answer(&mut self, namespace: &Namespace, answer: Answer, head: &Head) {
        let wanted = *namespace == Namespace::main() || self.wanted.contains(namespace);
        if answer == Answer::Observed || !wanted {
            return;
        }
        let progress = self.by_namespace.entry(namespace.clone()).or_default();
        progress.outstanding.take_if(|outstanding| is_same(outstanding, head));
        match answer {
            Answer::Observed => {}
            Answer::Applied => {
                progress.applied = Some(head.clone());
                progress.refused = None;
            }
            Answer::Refused => progress.refused = Some(head.clone()),
        }
    }

    /// Returns the next update to send, given the heads the store holds.
    pub(crate) fn next(&mut self, store_heads: &BTreeMap<Namespace, Head>) -> Option<Send> {
        let main = Namespace::main();
        std::iter::once(&main).chain(&self.wanted).find_map(|namespace| {
            let head = store_heads.get(namespace)?;
            let progress = self.by_namespace.entry(namespace.clone()).or_default();
            if progress.outstanding.is_some() || !progress.wants(head) {
                return None;
            }
            progress.outstanding = Some(head.clone());
            Some(Send { namespace: namespace.clone(), from: progress.applied.clone(), to: head.clone() })
        })
    }

    /// Returns whether the host owes an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.by_namespace.values().any(|progress| progress.outstanding.is_some())
    }

    /// Returns the heads whose position the host holds with another commit than the store.
    pub(crate) fn divergences(&self, store_heads: &BTreeMap<Namespace, Head>) -> usize {
        let diverged = |(namespace, progress): (&Namespace, &Progress)| {
            let (Some(applied), Some(head)) = (&progress.applied, store_heads.get(namespace)) else { return false };
            applied.succession_of(head) == Succession::Diverged
        };
        self.by_namespace.iter().filter(|entry| diverged(*entry)).count()
    }
}

impl Progress {
    /// A host ahead of this store is left alone: it finds another store or waits for this one.
    fn wants(&self, head: &Head) -> bool {
        let news = matches!(Head::succession(self.applied.as_ref(), head), Succession::Newer | Succession::Diverged);
        news && !self.refused.as_ref().is_some_and(|refused| is_same(refused, head))
    }
}

fn is_same(one: &Head, other: &Head) -> bool {
    one.succession_of(other) == Succession::Same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    fn heads(revision: u64) -> BTreeMap<Namespace, Head> {
        BTreeMap::from([(Namespace::main(), head(revision))])
    }

    fn check_sends(subscription: &mut Subscription, store: u64, expected: Option<(Option<u64>, u64)>) {
        let sent = subscription.next(&heads(store)).map(|send| (send.from.map(|h| h.revision.0), send.to.revision.0));
        assert_eq!(sent, expected, "store at r{store}");
    }

    #[test]
    fn a_new_host_gets_a_full_sync_and_then_deltas_from_what_it_applied() {
        let mut subscription = Subscription::default();
        subscription.greet(BTreeMap::new());
        check_sends(&mut subscription, 5, Some((None, 5)));
        subscription.answer(&Namespace::main(), Answer::Applied, &head(5));
        check_sends(&mut subscription, 5, None);
        check_sends(&mut subscription, 6, Some((Some(5), 6)));
    }

    #[test]
    fn a_host_gets_main_and_what_it_wants_and_each_by_itself() {
        let [traffic, secret] = ["traffic", "secret"].map(|name| Namespace::parse(name).unwrap());
        let heads: BTreeMap<_, _> = [Namespace::main(), traffic.clone(), secret].map(|name| (name, head(5))).into();
        let mut subscription = Subscription::default();
        subscription.greet(self::heads(5));
        assert_eq!(subscription.next(&heads), None);
        subscription.want([traffic.clone()].into());
        let sent = subscription.next(&heads).unwrap();
        assert_eq!((&sent.namespace, sent.from, subscription.next(&heads)), (&traffic, None, None));
        // While it is out, others move on.
        let moved: BTreeMap<_, _> = heads.keys().map(|name| (name.clone(), head(6))).collect();
        assert_eq!(subscription.next(&moved).unwrap().namespace, Namespace::main());
        subscription.want(BTreeSet::new());
        subscription.answer(&traffic, Answer::Applied, &head(5));
        subscription.want([traffic.clone()].into());
        assert_eq!(subscription.next(&moved).unwrap().from, None, "what it held is not known any more");
    }

    #[test]
    fn a_slow_host_skips_to_the_latest_head() {
        let mut subscription = Subscription::default();
        subscription.greet(heads(1));
        check_sends(&mut subscription, 2, Some((Some(1), 2)));
        for store in 3..10 {
            check_sends(&mut subscription, store, None);
        }
        subscription.answer(&Namespace::main(), Answer::Observed, &head(2));
        check_sends(&mut subscription, 9, None);
        subscription.answer(&Namespace::main(), Answer::Applied, &head(2));
        check_sends(&mut subscription, 9, Some((Some(2), 9)));
    }

    #[test]
    fn a_refused_head_is_not_pushed_again_but_its_successor_is() {
        let mut subscription = Subscription::default();
        subscription.greet(heads(1));
        check_sends(&mut subscription, 2, Some((Some(1), 2)));
        subscription.answer(&Namespace::main(), Answer::Refused, &head(2));
        check_sends(&mut subscription, 2, None);
        check_sends(&mut subscription, 3, Some((Some(1), 3)));
    }

    #[test]
    fn a_host_that_greets_again_is_offered_what_it_refused() {
        let mut subscription = Subscription::default();
        subscription.greet(heads(1));
        check_sends(&mut subscription, 2, Some((Some(1), 2)));
        subscription.answer(&Namespace::main(), Answer::Refused, &head(2));
        subscription.greet(BTreeMap::new());
        check_sends(&mut subscription, 2, Some((None, 2)));
    }

    #[test]
    fn a_host_ahead_of_the_store_is_left_alone_and_an_up_to_date_one_too() {
        let mut subscription = Subscription::default();
        subscription.greet(heads(7));
        check_sends(&mut subscription, 5, None);
        check_sends(&mut subscription, 7, None);
        assert!(!subscription.is_waiting());
    }

    #[test]
    fn a_host_with_another_commit_at_the_same_revision_takes_the_stores() {
        let mut subscription = Subscription::default();
        let mut other = head(7);
        other.commit = configbus_model::CommitId::from_bytes([0xee; 20]);
        subscription.greet(BTreeMap::from([(Namespace::main(), other)]));
        assert_eq!(subscription.divergences(&heads(7)), 1);
        check_sends(&mut subscription, 7, Some((Some(7), 7)));
    }
}
