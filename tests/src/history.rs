//! What clients asked of a file and were told, in the order of one clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a file holds: the number of the write that put it there; `None` when there is no file.
pub type Content = Option<u64>;

/// What a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// What the file holds.
    Read,
    /// To hold this, whatever it holds.
    Write {
        /// What is to be there.
        to: Content,
    },
    /// To hold this if it holds that.
    CompareAndSet {
        /// What is expected.
        from: Content,
        /// What is to be there.
        to: Content,
    },
}

/// What it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A read found this.
    Saw(Content),
    /// A write is done.
    Done,
    /// A compare-and-set is refused, because this is there.
    Conflict(Content),
    /// Nothing: a write took effect at some moment after it was asked for, or never will.
    Unanswered,
}

/// One operation of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What was asked for.
    pub operation: Operation,
    /// What was told.
    pub outcome: Outcome,
    /// When it was asked.
    pub asked: u64,
    /// When it was told.
    pub answered: u64,
}

/// Numbers moments of several threads: what ends before something else begins has the smaller number.
#[derive(Debug, Default)]
pub struct Timeline(AtomicU64);

impl Timeline {
    /// Returns a later moment than all before it.
    pub fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Performs an operation and notes when it began and ended.
    pub fn record(&self, operation: Operation, perform: impl FnOnce() -> Outcome) -> Entry {
        let asked = self.now();
        let outcome = perform();
        Entry { operation, outcome, asked, answered: self.now() }
    }
}
