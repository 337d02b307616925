//! How many validators run at once, whichever candidate or namespace asks: each may take a whole core and much memory.
//!
//! Whoever has waited longest is next, so that a push with many validators cannot keep another waiting for ever.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Hands out turns, oldest request first.
#[derive(Debug)]
pub(super) struct Turns {
    max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    next_ticket: u64,
    waiting: VecDeque<u64>,
}

/// The right to run one validator; dropping it lets the next one run.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(max: usize) -> Self {
        Self { max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for a turn, for `patience` at most.
    pub(super) fn take(&self, patience: Duration) -> Option<Turn<'_>> {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        loop {
            if state.running < self.max && state.waiting.front() == Some(&ticket) {
                state.waiting.pop_front();
                state.running += 1;
                // There may be room for the one behind as well.
                self.changed.notify_all();
                return Some(Turn(self));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting.retain(|waiting| *waiting != ticket);
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    const PATIENCE: Duration = Duration::from_secs(60);

    fn wait_until(turns: &Turns, waiting: usize) {
        let mut state = turns.state();
        while state.waiting.len() != waiting {
            drop(state);
            thread::yield_now();
            state = turns.state();
        }
    }

    #[test]
    fn whoever_waited_longest_is_next() {
        let (turns, order) = (Turns::new(1), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            let first = turns.take(PATIENCE).unwrap();
            for number in 0..5 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    let _turn = turns.take(PATIENCE).unwrap();
                    order.lock().unwrap().push(number);
                });
                wait_until(turns, number + 1);
            }
            assert!(turns.take(Duration::ZERO).is_none(), "five wait already");
            drop(first);
        });
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn no_more_run_at_once_than_may() {
        let (turns, running, most) = (Turns::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let _turn = turns.take(PATIENCE).unwrap();
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, SeqCst);
                });
            }
        });
        assert!((1..=3).contains(&most.load(SeqCst)), "{most:?}");
    }

    #[test]
    fn who_gives_up_stands_in_nobodys_way() {
        let turns = Turns::new(1);
        let first = turns.take(PATIENCE).unwrap();
        assert!(turns.take(Duration::ZERO).is_none());
        drop(first);
        assert!(turns.take(Duration::ZERO).is_some());
    }
}
