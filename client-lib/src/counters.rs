//! What the library counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the bus was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Views taken after the first.
    pub flips: u64,
    /// Files read because they were new or may have changed.
    pub files_read: u64,
    /// Values replaced or removed.
    pub changes: u64,
    /// Versions of files that did not parse or that a check refused.
    pub refused: u64,
    /// Callbacks run.
    pub callbacks: u64,
    /// Callbacks that panicked.
    pub callback_panics: u64,
    /// Reports to the agent that nobody took.
    pub reports_dropped: u64,
    /// Times that no view could be taken; the one before stayed.
    pub refresh_failures: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    // Relaxed: a count orders nothing.
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flips: Counter,
    pub(crate) files_read: Counter,
    pub(crate) changes: Counter,
    pub(crate) refused: Counter,
    pub(crate) callbacks: Counter,
    pub(crate) callback_panics: Counter,
    pub(crate) reports_dropped: Counter,
    pub(crate) refresh_failures: Counter,
}

impl Counters {
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            flips: self.flips.value(),
            files_read: self.files_read.value(),
            changes: self.changes.value(),
            refused: self.refused.value(),
            callbacks: self.callbacks.value(),
            callback_panics: self.callback_panics.value(),
            reports_dropped: self.reports_dropped.value(),
            refresh_failures: self.refresh_failures.value(),
        }
    }
}
