//! The callbacks of one subscription, and the changes they are to be told.

use crate::{Change, counters::Counters};
use configbus_model::ConfigPath;
use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Callback<T> = Arc<dyn Fn(&Change<T>) + Send + Sync>;

pub(crate) struct Callbacks<T> {
    callbacks: Mutex<Vec<Callback<T>>>,
    /// At most one change per file waits, however long callbacks take.
    pending: Mutex<BTreeMap<ConfigPath, Change<T>>>,
}

impl<T> Default for Callbacks<T> {
    fn default() -> Self {
        Self { callbacks: Mutex::default(), pending: Mutex::default() }
    }
}

impl<T> fmt::Debug for Callbacks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("count", &lock(&self.callbacks).len()).finish_non_exhaustive()
    }
}

impl<T> Callbacks<T> {
    pub(crate) fn add(&self, callback: impl Fn(&Change<T>) + Send + Sync + 'static) {
        lock(&self.callbacks).push(Arc::new(callback));
    }

    /// Notes a change and returns whether anybody wants to be told.
    pub(crate) fn note(&self, change: Change<T>) -> bool {
        if lock(&self.callbacks).is_empty() {
            return false;
        }
        let mut pending = lock(&self.pending);
        let change = match pending.remove(&change.path) {
            Some(waiting) => waiting.followed_by(change),
            None => change,
        };
        // What came and went before anybody was told is nothing to tell.
        if change.old.is_some() || change.new.is_some() {
            pending.insert(change.path.clone(), change);
        }
        true
    }

    /// Takes what is noted.
    pub(crate) fn take(&self) -> BTreeMap<ConfigPath, Change<T>> {
        std::mem::take(&mut *lock(&self.pending))
    }

    /// Tells changes to everybody. A callback that panics is counted and does not keep others from being called.
    pub(crate) fn tell(&self, changes: &BTreeMap<ConfigPath, Change<T>>, counters: &Counters) {
        // No lock is held while the program's code runs: it may add callbacks.
        let callbacks = lock(&self.callbacks).clone();
        for change in changes.values() {
            for callback in &callbacks {
                counters.callbacks.increment();
                if catch_unwind(AssertUnwindSafe(|| callback(change))).is_err() {
                    counters.callback_panics.increment();
                    let (path, revision) = (&change.path, change.revision);
                    tracing::error!(%path, %revision, "a callback for {path} panicked");
                }
            }
        }
    }
}

/// What these locks guard is whole after a panic: nothing of the program's runs while they are held.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
