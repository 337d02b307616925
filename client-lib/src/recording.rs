//! Changes written down, for tests.

use crate::Change;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Most changes kept; older ones are dropped.
const CHANGES_MAX: usize = 100_000;

/// Collects the changes of a subscription, so that a test can wait for them and look at them.
///
/// ```
/// # use std::time::Duration;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = configbus_client::ConfigBus::in_memory();
/// let recording = memory.bus().subscribe::<u32>("limit.json")?.record();
/// for limit in ["1", "2"] {
///     memory.set("limit.json", limit)?;
///     memory.flip();
/// }
/// let changes = recording.wait_for(2, Duration::from_secs(5)).expect("two flips");
/// assert_eq!(changes[1].new.as_deref(), Some(&2));
/// # Ok(())
/// # }
/// ```
pub struct Recording<T> {
    tape: Arc<Tape<T>>,
}

struct Tape<T> {
    changes: Mutex<VecDeque<Change<T>>>,
    added: Condvar,
}

impl<T> Default for Recording<T> {
    fn default() -> Self {
        Self { tape: Arc::new(Tape { changes: Mutex::default(), added: Condvar::new() }) }
    }
}

impl<T> Clone for Recording<T> {
    fn clone(&self) -> Self {
        Self { tape: Arc::clone(&self.tape) }
    }
}

impl<T> fmt::Debug for Recording<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}

impl<T> Recording<T> {
    /// Returns what was recorded so far.
    pub fn changes(&self) -> Vec<Change<T>> {
        self.lock().iter().cloned().collect()
    }

    /// Waits until at least `count` changes are recorded and returns all of them; `None` when time runs out.
    pub fn wait_for(&self, count: usize, deadline: Duration) -> Option<Vec<Change<T>>> {
        self.wait_until(deadline, |changes| changes.len() >= count)
    }

    /// Waits until the changes satisfy a condition and returns all of them; `None` when time runs out.
    pub fn wait_until(&self, deadline: Duration, is_reached: impl Fn(&[Change<T>]) -> bool) -> Option<Vec<Change<T>>> {
        let unreached = |changes: &mut VecDeque<Change<T>>| !is_reached(changes.make_contiguous());
        let waited = self.tape.added.wait_timeout_while(self.lock(), deadline, unreached);
        let (changes, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (!timeout.timed_out()).then(|| changes.iter().cloned().collect())
    }

    pub(crate) fn add(&self, change: Change<T>) {
        let mut changes = self.lock();
        if changes.len() == CHANGES_MAX {
            changes.pop_front();
        }
        changes.push_back(change);
        self.tape.added.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Change<T>>> {
        self.tape.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
