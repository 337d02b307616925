//! A value that every thread reads, all the time, and that is replaced now and then.
//!
//! Each thread keeps what it loaded last, with the number of its version, and asks only whether that is the newest: one load of a
//! word that nobody writes meanwhile. What was loaded is counted without atomic operations, since it stays on its thread. `ArcSwap`
//! alone costs two atomic exchanges for each load, three times as much; an `Arc` that each thread keeps and clones costs the same two.
//! The price: a thread keeps the value it loaded last until it loads again, and a value that was loaded cannot be sent to another
//! thread, but for [`Loaded::into_arc`].

use arc_swap::ArcSwapOption;
use std::{
    any::Any,
    cell::RefCell,
    fmt,
    ops::Deref,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Stands in place of a version while a value is being replaced: nobody keeps what was loaded then.
const REPLACING: u64 = 0;

/// Stands in place of a version where a thread keeps nothing.
const NOTHING: u64 = u64::MAX;

/// The next version. Versions are unique in the process, so that a place that is used again is never mistaken.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(REPLACING + 1);

/// Places that are free, and the first that was never used.
static PLACES: Mutex<Places> = Mutex::new(Places { free: Vec::new(), unused: 0 });

struct Places {
    free: Vec<usize>,
    unused: usize,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// What a thread has loaded last from one place.
struct Kept {
    version: u64,
    /// An `Rc<Arc<T>>`; absent where there is no value.
    value: Option<Rc<dyn Any>>,
}

/// See the module.
pub(crate) struct Current<T> {
    version: AtomicU64,
    /// Where threads keep it.
    place: usize,
    value: ArcSwapOption<T>,
    /// Replacing is done by one at a time.
    replacing: Mutex<()>,
}

impl<T: Send + Sync + 'static> Current<T> {
    pub(crate) fn new(value: Option<Arc<T>>) -> Self {
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.free.pop().unwrap_or_else(|| {
            places.unused += 1;
            places.unused - 1
        });
        drop(places);
        let (version, value) = (next_version().into(), ArcSwapOption::new(value));
        Self { version, place, value, replacing: Mutex::default() }
    }

    /// Returns the newest value. Whoever has heard of a value from another thread gets that one or a newer one.
    #[inline]
    pub(crate) fn load(&self) -> Option<Loaded<T>> {
        let version = self.version.load(Ordering::Acquire);
        let kept = KEPT.try_with(|kept| {
            let kept = kept.borrow();
            let kept = kept.get(self.place).filter(|kept| kept.version == version)?;
            Some(kept.value.clone())
        });
        match kept {
            Ok(Some(value)) => Some(Loaded(value?.downcast().ok()?)),
            Ok(None) | Err(_) => self.look(version),
        }
    }

    /// Loads what other threads see, and keeps it if it is certain to be what the version means.
    #[cold]
    fn look(&self, version: u64) -> Option<Loaded<T>> {
        let value = self.value.load_full().map(Rc::new);
        if version != REPLACING && self.version.load(Ordering::Acquire) == version {
            let kept = Kept { version, value: value.clone().map(|value| value as Rc<dyn Any>) };
            // Not dropped before the cell is let go: dropping a value may load another one.
            drop(KEPT.try_with(|all| keep(&mut all.borrow_mut(), self.place, kept)));
        }
        value.map(Loaded)
    }

    /// Returns the newest value for keeping.
    pub(crate) fn load_full(&self) -> Option<Arc<T>> {
        self.value.load_full()
    }

    /// Replaces the value and returns the one before.
    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        // First, so that whoever hears of the new value through another thread does not take what its own thread keeps.
        self.version.store(REPLACING, Ordering::Release);
        let before = self.value.swap(value);
        self.version.store(next_version(), Ordering::Release);
        before
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: Arc<T>) {
        drop(self.swap(Some(value)));
    }

    /// Returns the value without what threads keep of it, for readers that keep it themselves.
    pub(crate) fn shared(&self) -> &ArcSwapOption<T> {
        &self.value
    }
}

fn next_version() -> u64 {
    NEXT_VERSION.fetch_add(1, Ordering::Relaxed)
}

/// Returns what was kept before.
fn keep(all: &mut Vec<Kept>, place: usize, kept: Kept) -> Option<Kept> {
    while all.len() <= place {
        all.push(Kept { version: NOTHING, value: None });
    }
    all.get_mut(place).map(|place| std::mem::replace(place, kept))
}

impl<T: Default + Send + Sync + 'static> Default for Current<T> {
    fn default() -> Self {
        Self::new(Some(Arc::default()))
    }
}

impl<T> Drop for Current<T> {
    fn drop(&mut self) {
        // This thread's at least; others let go when the place is used again, or when they end.
        let nothing = Kept { version: NOTHING, value: None };
        drop(KEPT.try_with(|all| {
            let mut all = all.borrow_mut();
            (self.place < all.len()).then(|| keep(&mut all, self.place, nothing))
        }));
        PLACES.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.place);
    }
}

impl<T> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A value that was loaded, on the thread that loaded it.
#[expect(clippy::redundant_allocation, reason = "the outer count is not atomic, the inner one reaches other threads")]
pub(crate) struct Loaded<T>(Rc<Arc<T>>);

impl<T> Loaded<T> {
    /// Returns the value for keeping.
    pub(crate) fn into_arc(self) -> Arc<T> {
        Arc::clone(&self.0)
    }
}

impl<T> Deref for Loaded<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{atomic::AtomicBool, mpsc},
        thread,
    };

    #[test]
    fn what_is_loaded_is_the_newest_and_stays_as_it_was() {
        let current = Current::new(None::<Arc<u32>>);
        assert!(current.load().is_none());
        current.store(Arc::new(1));
        let one = current.load().unwrap();
        assert_eq!(current.swap(Some(Arc::new(2))).as_deref(), Some(&1));
        assert_eq!((*one, *current.load().unwrap()), (1, 2));
        assert_eq!(*one.into_arc(), 1);
        assert_eq!(current.swap(None).as_deref(), Some(&2));
        assert!(current.load().is_none() && current.load_full().is_none());
    }

    #[test]
    fn a_place_that_is_used_again_is_not_mistaken() {
        for round in 0..100_u64 {
            let text = Current::new(Some(Arc::new(round.to_string())));
            assert_eq!(*text.load().unwrap(), round.to_string());
            drop(text);
            let number = Current::new(Some(Arc::new(round)));
            assert_eq!(*number.load().unwrap(), round);
        }
    }

    /// Loads a value while it is dropped.
    struct Loads(Arc<Current<u32>>);

    impl Drop for Loads {
        fn drop(&mut self) {
            assert_eq!(self.0.load().as_deref(), Some(&7));
        }
    }

    #[test]
    fn a_value_may_load_another_one_when_it_is_dropped() {
        let other = Arc::new(Current::new(Some(Arc::new(7))));
        let current = Current::new(Some(Arc::new(Loads(Arc::clone(&other)))));
        assert!(current.load().is_some());
        current.store(Arc::new(Loads(Arc::clone(&other))));
        assert!(current.load().is_some());
        // At the end of a thread as well, when nothing is kept any more.
        thread::scope(|scope| {
            scope.spawn(|| assert!(current.load().is_some()));
        });
    }

    #[test]
    fn a_thread_lets_go_of_what_it_kept_when_it_loads_again() {
        let value = Arc::new(1);
        let current = Current::new(Some(Arc::clone(&value)));
        drop(current.load());
        current.store(Arc::new(2));
        assert_eq!(Arc::strong_count(&value), 2, "kept by this thread");
        drop(current.load());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    /// Whoever has heard of a value never loads an older one, on whatever thread.
    #[test]
    fn values_never_go_back_between_threads() {
        const LAST: u64 = 20_000;
        let (current, newest, done) = (Current::new(Some(Arc::new(0_u64))), AtomicU64::new(0), AtomicBool::new(false));
        let (started, all_started) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..3 {
                let started = started.clone();
                let (current, newest, done) = (&current, &newest, &done);
                scope.spawn(move || {
                    started.send(()).unwrap();
                    while !done.load(Ordering::Relaxed) {
                        let heard = newest.load(Ordering::Acquire);
                        let found = *current.load().unwrap();
                        assert!(found >= heard, "{found} after {heard}");
                        newest.fetch_max(found, Ordering::AcqRel);
                    }
                });
            }
            (0..3).for_each(|_| all_started.recv().unwrap());
            (1..=LAST).for_each(|value| current.store(Arc::new(value)));
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(*current.load().unwrap(), LAST);
    }
}
