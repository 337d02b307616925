//! Follows a source from view to view and keeps all subscriptions current.

use crate::{
    counters::Counters,
    following::call_queue::{CallQueue, Tell},
    following::cell::Watched,
    following::journal::Journal,
    following::rules,
    source::view::View,
    source::{Newest, Source, SourceError},
};
use arc_swap::ArcSwap;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// A view and its place in the order in which views were taken; the first has 1.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) sequence: u64,
    pub(crate) view: Arc<View>,
}

/// A subscription. With callbacks it lives as long as the bus, otherwise as long as its handles.
struct Registered {
    cell: Weak<dyn Watched>,
    keep: Option<Arc<dyn Watched>>,
}

/// What the handles of one bus and its threads share.
pub(crate) struct Follower {
    pub(crate) queue: CallQueue,
    pub(crate) journal: Journal,
    source: Box<dyn Source>,
    /// Stays pinned until every subscription was compared with the next one: that is what makes an equal inode proof
    /// of equal content.
    held: ArcSwap<Held>,
    registered: Mutex<Vec<Registered>>,
    /// Whether a thread refreshes.
    refreshing: Mutex<bool>,
    refreshed: Condvar,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Follower {
    /// Takes the first view.
    pub(crate) fn start(source: Box<dyn Source>, journal: Journal) -> Result<Self, SourceError> {
        let (Newest::Flipped(view) | Newest::Perhaps(view)) = source.newest(None)? else {
            return Err(SourceError::NoView);
        };
        Ok(Self {
            queue: CallQueue::default(),
            journal,
            source,
            held: ArcSwap::from_pointee(Held { sequence: 1, view: Arc::new(view) }),
            registered: Mutex::default(),
            refreshing: Mutex::default(),
            refreshed: Condvar::new(),
        })
    }

    /// Returns the view that values are from, or are about to be from.
    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.load_full()
    }

    pub(crate) fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Takes the newest view, if there is a newer one, and brings all subscriptions up to date. Returns whether there
    /// was one; in a decoder or a check it does nothing.
    pub(crate) fn refresh(&self) -> Result<bool, SourceError> {
        if rules::is_applying() {
            return Ok(false);
        }
        let _turn = self.take_turn();
        let before = self.held();
        let newest = self.source.newest(Some(&before.view));
        let (view, flipped) = match newest.inspect_err(|_| self.journal.counters.refresh_failures.increment())? {
            Newest::Held => return Ok(false),
            Newest::Flipped(view) => (view, true),
            Newest::Perhaps(view) => (view, false),
        };
        if flipped {
            self.journal.counters.flips.increment();
            tracing::debug!(revision = %view.revision, "took the view of {}", view.revision);
        }
        let held = Arc::new(Held { sequence: before.sequence + 1, view: Arc::new(view) });
        // Stored before the subscriptions are listed: one that registers meanwhile sees this view by itself.
        self.held.store(Arc::clone(&held));
        Ok(self.bring_up_to_date(&held) || flipped)
    }

    /// Everything is read and parsed first and becomes visible together.
    fn bring_up_to_date(&self, held: &Held) -> bool {
        let cells = self.cells();
        let prepared = cells.iter().filter_map(|cell| Some((cell, cell.prepare(held, &self.journal)?)));
        let prepared: Vec<_> = prepared.collect();
        let changed = !prepared.is_empty();
        if changed {
            self.queue.publish(held.sequence, || {
                let wanted = prepared.into_iter().filter_map(|(cell, publish)| publish().then_some(cell));
                wanted.map(|cell| Arc::clone(cell) as Arc<dyn Tell>).collect()
            });
        }
        changed
    }

    /// Adds a subscription and gives it its first value. It is listed before it looks, so that no flip is missed.
    pub(crate) fn register(&self, cell: &Arc<dyn Watched>) {
        let listed = Registered { cell: Arc::downgrade(cell), keep: None };
        self.registered().push(listed);
        let held = self.held();
        if let Some(publish) = cell.prepare(&held, &self.journal) {
            publish();
        }
    }

    /// Lets a subscription live as long as the bus.
    pub(crate) fn keep(&self, cell: &Arc<dyn Watched>) {
        for listed in self.registered().iter_mut().filter(|listed| is_same(&listed.cell, cell)) {
            listed.keep = Some(Arc::clone(cell));
        }
    }

    /// Ends a subscription.
    pub(crate) fn forget(&self, cell: &Arc<dyn Watched>) {
        let mut registered = self.registered();
        let (ended, remaining) = registered.drain(..).partition(|listed| is_same(&listed.cell, cell));
        *registered = remaining;
        drop(registered);
        // Dropped after the lock is released: what callbacks own may be anything.
        drop::<Vec<_>>(ended);
    }

    /// Ends all subscriptions.
    pub(crate) fn forget_all(&self) {
        // Dropped after the lock is released: what callbacks own may be anything.
        let _ended = std::mem::take(&mut *self.registered());
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.journal.counters
    }

    fn cells(&self) -> Vec<Arc<dyn Watched>> {
        let mut registered = self.registered();
        registered.retain(|listed| listed.cell.strong_count() > 0);
        registered.iter().filter_map(|listed| listed.cell.upgrade()).collect()
    }

    fn registered(&self) -> MutexGuard<'_, Vec<Registered>> {
        // Only whole entries are pushed and removed.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread refreshes.
    fn take_turn(&self) -> Turn<'_> {
        let refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |refreshing: &mut bool| *refreshing;
        *self.refreshed.wait_while(refreshing, others).unwrap_or_else(PoisonError::into_inner) = true;
        Turn(self)
    }

    /// Waits until the view that is held satisfies a condition and all values are from it.
    pub(crate) fn wait_until(&self, is_reached: impl Fn(&View) -> bool, deadline: Duration) -> bool {
        let unreached = |refreshing: &mut bool| *refreshing || !is_reached(&self.held.load().view);
        let refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.refreshed.wait_timeout_while(refreshing, deadline, unreached);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

fn is_same(listed: &Weak<dyn Watched>, cell: &Arc<dyn Watched>) -> bool {
    std::ptr::addr_eq(listed.as_ptr(), Arc::as_ptr(cell))
}

/// The right to refresh.
struct Turn<'a>(&'a Follower);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.refreshing.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.refreshed.notify_all();
    }
}
