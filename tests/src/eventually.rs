//! Waiting for a condition on a value, with a deadline. The one place that polls.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for a loaded machine with two cores; nothing is judged by how soon it happens.
pub const DEADLINE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(10);

/// Waits until the condition answers with a value.
///
/// # Panics
/// Panics with `what` when the deadline passes.
pub fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, condition).unwrap_or_else(|| panic!("not in {DEADLINE:?}: {what}"))
}

/// Waits until the condition answers with a value, or the time is up.
pub fn within<T>(deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(POLL);
    }
}
