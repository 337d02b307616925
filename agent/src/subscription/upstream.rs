//! What is known of the newest revision, and since when. Pure.

use super::Beat;
use configbus_model::{Freshness, Head, Namespace, Position, UpstreamRecord};
use std::time::Duration;

/// The newest head anybody told of, and how long ago it was the newest for sure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Upstream {
    head: Option<Head>,
    /// When a store in contact with the server said what the head is.
    confirmed_ms: Option<u64>,
    /// When what the host shows was the newest for sure.
    current_ms: Option<u64>,
}

impl Upstream {
    /// Notes what a store says of a namespace.
    pub(crate) fn hear(&mut self, namespace: &Namespace, beat: &Beat, held: Option<&Head>, now_ms: u64) {
        let told = [beat.heads.get(namespace), beat.upstream_heads.get(namespace)].into_iter().flatten();
        let newest = told.max_by_key(|head| head.position()).cloned();
        if let Some(newest) = &newest {
            self.see(newest);
        }
        // A store that is behind what was heard before confirms nothing.
        let confirms = beat.upstream_connected && newest.map(|head| head.position()) >= self.position();
        if confirms && self.head.is_some() {
            self.confirmed_ms = Some(now_ms);
            if held.map(Head::position) >= self.position() {
                self.current_ms = Some(now_ms);
            }
        }
    }

    /// Notes that a head exists.
    pub(crate) fn see(&mut self, head: &Head) {
        if self.position() < Some(head.position()) {
            self.head = Some(head.clone());
        }
    }

    fn position(&self) -> Option<Position> {
        self.head.as_ref().map(Head::position)
    }

    /// Returns the newest head.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Returns when the head was confirmed last.
    pub(crate) fn confirmed_ms(&self) -> Option<u64> {
        self.confirmed_ms
    }

    /// Returns when what the host shows was the newest for sure.
    pub(crate) fn current_ms(&self) -> Option<u64> {
        self.current_ms
    }

    /// Returns what client libraries are told.
    pub(crate) fn record(&self) -> Option<UpstreamRecord> {
        Some(UpstreamRecord { position: self.position()?, confirmed_ms: self.confirmed_ms? })
    }

    /// Returns how many revisions the host lacks.
    pub(crate) fn lag(&self, held: Option<&Head>) -> u64 {
        let newest = self.head.as_ref().map_or(0, |head| head.revision.0);
        newest.saturating_sub(held.map_or(0, |head| head.revision.0))
    }

    /// Judges what the host shows.
    pub(crate) fn freshness(&self, held: Option<&Head>, now_ms: u64, age_max: Duration) -> Freshness {
        let behind = held.map(Head::position) < self.position();
        match Freshness::of(self.confirmed_ms, now_ms, age_max) {
            Freshness::Fresh | Freshness::Stale { .. } if behind => {
                Freshness::Stale { since_ms: self.current_ms.or(self.confirmed_ms).unwrap_or(now_ms) }
            }
            judged => judged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::fixture::head;
    use configbus_model::TreeId;
    use std::collections::BTreeMap;

    const AGE: Duration = Duration::from_secs(10);

    fn beat(store: u64, upstream: u64, upstream_connected: bool) -> Beat {
        let heads = |revision| BTreeMap::from([(Namespace::main(), head(revision, TreeId::EMPTY))]);
        Beat { heads: heads(store), upstream_heads: heads(upstream), upstream_connected, ..Beat::default() }
    }

    #[test]
    fn fresh_while_a_store_in_contact_confirms() {
        let mut upstream = Upstream::default();
        let held = head(7, TreeId::EMPTY);
        assert_eq!(upstream.freshness(Some(&held), 0, AGE), Freshness::Unknown);
        upstream.hear(&Namespace::main(), &beat(7, 7, true), Some(&held), 1_000);
        assert_eq!(upstream.freshness(Some(&held), 2_000, AGE), Freshness::Fresh);
        upstream.hear(&Namespace::main(), &beat(7, 7, false), Some(&held), 9_000);
        assert_eq!(upstream.freshness(Some(&held), 11_001, AGE), Freshness::Stale { since_ms: 1_000 });
    }

    #[test]
    fn stale_as_soon_as_something_newer_is_known() {
        let mut upstream = Upstream::default();
        let held = head(7, TreeId::EMPTY);
        upstream.hear(&Namespace::main(), &beat(7, 7, true), Some(&held), 1_000);
        upstream.hear(&Namespace::main(), &beat(7, 9, true), Some(&held), 2_000);
        assert_eq!(upstream.freshness(Some(&held), 2_000, AGE), Freshness::Stale { since_ms: 1_000 });
        assert_eq!(upstream.lag(Some(&held)), 2);
        let caught_up = head(9, TreeId::EMPTY);
        assert_eq!(upstream.freshness(Some(&caught_up), 2_500, AGE), Freshness::Fresh);
    }

    #[test]
    fn a_store_that_is_behind_confirms_nothing_and_moves_no_head_back() {
        let mut upstream = Upstream::default();
        let held = head(9, TreeId::EMPTY);
        upstream.hear(&Namespace::main(), &beat(9, 9, true), Some(&held), 1_000);
        upstream.hear(&Namespace::main(), &beat(7, 7, true), Some(&held), 20_000);
        assert_eq!(upstream.head().unwrap().revision.0, 9);
        assert_eq!(upstream.freshness(Some(&held), 20_000, AGE), Freshness::Stale { since_ms: 1_000 });
    }
}
