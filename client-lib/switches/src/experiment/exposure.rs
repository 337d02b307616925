//! Who took part was told already.

use super::chain::Assignment;
use std::sync::atomic::{AtomicU64, Ordering};

/// Units that are looked for together.
const WAYS: usize = 4;

/// Remembers exposures in memory that does not grow, without a lock.
///
/// An exposure is a unit that was dealt a variant of an experiment in one shuffle version. None is passed over; one that was
/// asked about long ago, with many others since, counts as new again.
#[derive(Debug)]
pub struct ExposureFilter {
    /// Hashes of exposures; zero where there is none.
    seen: Box<[AtomicU64]>,
}

impl ExposureFilter {
    /// Returns a filter that remembers about so many, at eight bytes each; the next power of two.
    pub fn new(exposures: usize) -> Self {
        let length = exposures.clamp(WAYS, 1 << 24).next_power_of_two();
        Self { seen: std::iter::repeat_with(AtomicU64::default).take(length).collect() }
    }

    /// Returns whether an assignment is an exposure that is to be told.
    #[inline]
    pub fn is_new(&self, assignment: &Assignment<'_>) -> bool {
        let (Some(variant), Some(unit), true) = (assignment.variant, assignment.unit, assignment.is_exposed()) else {
            return false;
        };
        let hash = unit.hash(variant.salt).max(1);
        let first = hash as usize & (self.seen.len() - 1) & !(WAYS - 1);
        let ways = &self.seen[first..first + WAYS];
        // Relaxed: the word is all there is to see.
        if ways.iter().any(|seen| seen.load(Ordering::Relaxed) == hash) {
            return false;
        }
        // Two threads with the same exposure come to the same place, where one finds that of the other.
        let free = ways.iter().find(|seen| seen.load(Ordering::Relaxed) == 0);
        let place = free.unwrap_or(&ways[(hash >> 62) as usize]);
        place.swap(hash, Ordering::Relaxed) != hash
    }
}
