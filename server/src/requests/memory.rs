//! What is known of past requests. Pure, and bounded by age and by number.

use super::Fingerprint;
use super::request_id::Key;
use configbus_model::Revision;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long a request is remembered.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Requests remembered at most, the newest ones: some 10 MB.
pub(super) const REMEMBERED_MAX: usize = 100_000;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) fingerprint: Fingerprint,
    /// The revision that holds what it asked for.
    pub(super) revision: Revision,
    /// Whether it made that revision; otherwise everything was there already.
    pub(super) committed: bool,
    pub(super) decided_ms: u64,
}

impl Known {
    pub(super) fn is_forgotten(&self, now_ms: u64) -> bool {
        self.decided_ms.saturating_add(u64::try_from(REMEMBERED_FOR.as_millis()).unwrap_or(u64::MAX)) <= now_ms
    }
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashMap<Key, Known>,
    /// Oldest first.
    order: VecDeque<Key>,
}

impl Memory {
    pub(super) fn look_up(&self, key: &Key, now_ms: u64) -> Option<Known> {
        self.known.get(key).copied().filter(|known| !known.is_forgotten(now_ms))
    }

    /// Remembers what was decided just now.
    pub(super) fn remember(&mut self, key: Key, known: Known, now_ms: u64) {
        if self.known.insert(key, known).is_none() {
            self.order.push_back(key);
        }
        while let Some(oldest) = self.order.front().copied() {
            let is_old = self.known.get(&oldest).is_none_or(|known| known.is_forgotten(now_ms));
            if !is_old && self.order.len() <= REMEMBERED_MAX {
                break;
            }
            self.order.pop_front();
            self.known.remove(&oldest);
        }
    }

    /// Adds what is read of the past, from new to old. Returns whether there is room for more.
    pub(super) fn recall(&mut self, key: Key, known: Known) -> bool {
        if self.order.len() >= REMEMBERED_MAX {
            return false;
        }
        // What was decided since is newer than anything that is read.
        if let std::collections::hash_map::Entry::Vacant(vacant) = self.known.entry(key) {
            vacant.insert(known);
            self.order.push_front(key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(revision: u64, decided_ms: u64) -> Known {
        let fingerprint = Fingerprint::of_fields(["x"]);
        Known { fingerprint, revision: Revision(revision), committed: true, decided_ms }
    }

    fn key(number: usize) -> Key {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_le_bytes());
        key
    }

    #[test]
    fn a_request_is_forgotten_after_a_day() {
        let day = 24 * 60 * 60 * 1_000;
        let mut memory = Memory::default();
        memory.remember(key(1), known(1, 1_000), 1_000);
        assert!(memory.look_up(&key(1), day + 999).is_some());
        assert!(memory.look_up(&key(1), day + 1_000).is_none());
        memory.remember(key(2), known(2, day + 1_000), day + 1_000);
        assert_eq!((memory.known.len(), memory.order.len()), (1, 1));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut memory = Memory::default();
        (0..=REMEMBERED_MAX).for_each(|number| memory.remember(key(number), known(1, 5), 5));
        assert_eq!((memory.known.len(), memory.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
        assert!(memory.look_up(&key(0), 5).is_none() && memory.look_up(&key(1), 5).is_some());
        assert!(!memory.recall(key(0), known(1, 5)));
    }

    #[test]
    fn what_is_read_of_the_past_does_not_replace_what_was_decided_since() {
        let mut memory = Memory::default();
        memory.remember(key(1), known(9, 5), 5);
        assert!(memory.recall(key(1), known(3, 4)) && memory.recall(key(2), known(2, 3)));
        assert_eq!(memory.look_up(&key(1), 5).unwrap().revision, Revision(9));
        assert_eq!(memory.order, [key(2), key(1)]);
    }
}
