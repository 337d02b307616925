//! Each delta is computed once, however many subscribers want it, and kept while it is likely to be wanted again.
//!
//! Keyed by trees and not by revisions: a host that comes back to a tree by another way needs the same objects.

use super::{DeltaError, parts::Parts};
use configbus_model::TreeId;
use lru::LruCache;
use std::{
    future::Future,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;

/// Most deltas that are remembered, however small: a few per subscriber that lags by its own distance.
const ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// What a delta leads from and to; without `from` it is a full sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DeltaKey {
    pub(crate) from: Option<TreeId>,
    pub(crate) to: TreeId,
}

/// The objects of one delta, ready to be sent.
#[derive(Debug)]
pub(crate) struct EncodedDelta {
    pub(crate) parts: Parts,
    /// Uncompressed size of all objects.
    pub(crate) total_bytes: u64,
}

type Outcome = Result<Arc<EncodedDelta>, Arc<DeltaError>>;
type Slot = Arc<OnceCell<Outcome>>;

/// Bounded by the bytes that its entries hold in memory.
pub(crate) struct DeltaCache {
    slots: Mutex<Slots>,
    bytes_max: usize,
}

struct Slots {
    by_key: LruCache<DeltaKey, Slot>,
    bytes: usize,
}

impl DeltaCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { slots: Mutex::new(Slots { by_key: LruCache::new(ENTRIES_MAX), bytes: 0 }), bytes_max }
    }

    /// Returns the delta, computing it unless somebody has done so or is about to. A failure is told to all who
    /// waited for it and not remembered.
    pub(crate) async fn get<F>(&self, key: DeltaKey, compute: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Result<EncodedDelta, DeltaError>>,
    {
        let slot = self.slot(key);
        let filled = slot.get_or_init(|| async {
            let outcome = compute().await.map(Arc::new).map_err(Arc::new);
            self.settle(key, &slot, &outcome);
            outcome
        });
        filled.await.clone()
    }

    fn slot(&self, key: DeltaKey) -> Slot {
        let mut slots = self.lock();
        if let Some(slot) = slots.by_key.get(&key) {
            return slot.clone();
        }
        let slot = Slot::default();
        if let Some((_, evicted)) = slots.by_key.push(key, slot.clone()) {
            slots.bytes -= weight(&evicted);
        }
        slot
    }

    /// Accounts for a delta that was computed, and makes room for it. Called before its slot shows it.
    fn settle(&self, key: DeltaKey, slot: &Slot, outcome: &Outcome) {
        let mut slots = self.lock();
        if !slots.by_key.peek(&key).is_some_and(|held| Arc::ptr_eq(held, slot)) {
            return;
        }
        slots.by_key.pop(&key);
        let Ok(delta) = outcome else { return };
        let bytes = delta.parts.memory_bytes();
        // An entry shows its weight only once its cell is filled, so it goes back in with a filled cell.
        let filled = Slot::new(OnceCell::new_with(Some(outcome.clone())));
        slots.by_key.push(key, filled);
        slots.bytes += bytes;
        while slots.bytes > self.bytes_max {
            let Some((_, evicted)) = slots.by_key.pop_lru() else { break };
            slots.bytes -= weight(&evicted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Every change of the slots is complete before anything in it can panic.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(slot: &Slot) -> usize {
    match slot.get() {
        Some(Ok(delta)) => delta.parts.memory_bytes(),
        Some(Err(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    fn key(to: u8) -> DeltaKey {
        DeltaKey { from: None, to: TreeId::from_bytes([to; 20]) }
    }

    fn delta(bytes: usize) -> EncodedDelta {
        EncodedDelta { parts: Parts::Memory(vec![Bytes::from(vec![0; bytes])]), total_bytes: bytes as u64 }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_computation() {
        let cache = DeltaCache::new(1_000);
        let computed = AtomicUsize::new(0);
        let ask = || {
            cache.get(key(1), || async {
                tokio::task::yield_now().await;
                computed.fetch_add(1, Relaxed);
                Ok(delta(10))
            })
        };
        let all = futures_util::future::join_all((0..100).map(|_| ask())).await;
        assert_eq!(computed.load(Relaxed), 1);
        let first = all[0].as_ref().unwrap();
        assert!(all.iter().all(|one| Arc::ptr_eq(one.as_ref().unwrap(), first)));
    }

    #[tokio::test]
    async fn memory_stays_within_its_bound_and_the_newest_survive() {
        let cache = DeltaCache::new(25);
        let computed = AtomicUsize::new(0);
        for to in [1, 2, 3, 3, 2, 1] {
            let result = cache.get(key(to), || async {
                computed.fetch_add(1, Relaxed);
                Ok(delta(10))
            });
            result.await.unwrap();
            assert!(cache.lock().bytes <= 25);
        }
        assert_eq!(computed.load(Relaxed), 4, "1, 2, 3, then 1 again");
        cache.get(key(9), || async { Ok(delta(100)) }).await.unwrap();
        let slots = cache.lock();
        assert_eq!((slots.bytes, slots.by_key.len()), (0, 0), "too large to be kept at all");
    }

    #[tokio::test]
    async fn a_failure_is_shared_but_the_next_try_computes_again() {
        let cache = DeltaCache::new(1_000);
        let failed = cache.get(key(1), || async { Err(DeltaError::Spool(std::io::ErrorKind::NotFound.into())) }).await;
        assert!(failed.is_err());
        assert!(cache.get(key(1), || async { Ok(delta(1)) }).await.is_ok());
    }
}
