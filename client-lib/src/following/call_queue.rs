//! Hands changes to the thread that runs callbacks, one revision after the other.

use crate::counters::Counters;
use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

/// A subscription that may have something to tell.
pub(crate) trait Tell: Send + Sync {
    /// Takes what is to be told now; what is noted later belongs to a later round.
    fn take(self: Arc<Self>) -> Telling;
}

/// Runs the callbacks of one subscription.
pub(crate) type Telling = Box<dyn FnOnce(&Counters) + Send>;

#[derive(Default)]
pub(crate) struct CallQueue {
    state: Mutex<State>,
    /// Something was published, or the end has come.
    work: Condvar,
    /// A round was told.
    told: Condvar,
}

#[derive(Default)]
struct State {
    /// Subscriptions with changes, each once.
    waiting: Vec<Arc<dyn Tell>>,
    /// Newest sequence number published, and the newest whose changes were told.
    published: u64,
    told: u64,
    thread: Option<ThreadId>,
    stopped: bool,
}

impl fmt::Debug for CallQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallQueue").field("published", &self.lock().published).finish_non_exhaustive()
    }
}

impl CallQueue {
    /// Publishes a view's changes: `publish` makes them visible and returns who has something to tell. All of it falls
    /// into one round, so that callbacks see revisions in order.
    pub(crate) fn publish(&self, sequence: u64, publish: impl FnOnce() -> Vec<Arc<dyn Tell>>) {
        let mut state = self.lock();
        for teller in publish() {
            if !state.waiting.iter().any(|waiting| Arc::ptr_eq(waiting, &teller)) {
                state.waiting.push(teller);
            }
        }
        state.published = state.published.max(sequence);
        self.work.notify_one();
    }

    /// Notes which thread is going to [`run`](Self::run).
    pub(crate) fn told_by(&self, thread: ThreadId) {
        self.lock().thread = Some(thread);
    }

    /// Runs callbacks until [`Self::stop`].
    pub(crate) fn run(&self, counters: &Counters) {
        while let Some((sequence, round)) = self.next_round() {
            round.into_iter().for_each(|tell| tell(counters));
            self.lock().told = sequence;
            self.told.notify_all();
        }
    }

    fn next_round(&self) -> Option<(u64, Vec<Telling>)> {
        let idle = |state: &mut State| !state.stopped && state.told == state.published;
        let mut state = self.work.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return None;
        }
        let round = std::mem::take(&mut state.waiting).into_iter().map(Tell::take).collect();
        Some((state.published, round))
    }

    /// Waits until everything published so far was told; does nothing when nobody tells, or on that thread.
    pub(crate) fn wait_until_told(&self) {
        let state = self.lock();
        let until = state.published;
        if state.thread.is_none_or(|thread| thread == thread::current().id()) {
            return;
        }
        let busy = |state: &mut State| !state.stopped && state.told < until;
        drop(self.told.wait_while(state, busy).unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends [`Self::run`] after the callback that is running; what waits is not told.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.work.notify_all();
        self.told.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
