//! The value of one key, as handles read it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Instant,
};

/// Stands for a key that no file has. A file that says this very number is read as one more.
const UNKNOWN: i64 = i64::MIN;

/// Overrides that have not ended, in the whole process: while there are none, nobody looks for them.
static OVERRIDDEN: AtomicUsize = AtomicUsize::new(0);

/// Returns whether there may be an override.
#[inline]
pub(super) fn any_is_overridden() -> bool {
    OVERRIDDEN.load(Ordering::Relaxed) > 0
}

#[derive(Debug)]
pub(super) struct Slot {
    value: AtomicI64,
    is_overridden: AtomicBool,
    overriding: Mutex<Option<Override>>,
}

#[derive(Debug, Clone, Copy)]
struct Override {
    value: i64,
    /// Absent when the clock does not reach as far.
    until: Option<Instant>,
}

impl Slot {
    pub(super) fn new(value: Option<i64>) -> Self {
        let slot = Self {
            value: AtomicI64::new(UNKNOWN),
            is_overridden: AtomicBool::new(false),
            overriding: Mutex::default(),
        };
        slot.set(value);
        slot
    }

    pub(super) fn set(&self, value: Option<i64>) {
        // Relaxed: the number is all there is to see.
        self.value.store(value.map_or(UNKNOWN, |value| value.max(UNKNOWN + 1)), Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn value(&self) -> Option<i64> {
        if self.is_overridden.load(Ordering::Relaxed)
            && let Some(value) = self.overriding()
        {
            return Some(value);
        }
        match self.value.load(Ordering::Relaxed) {
            UNKNOWN => None,
            value => Some(value),
        }
    }

    /// Returns what is in place of the value, and ends what has run out: the clock is asked only here.
    #[cold]
    pub(super) fn overriding(&self) -> Option<i64> {
        let mut overriding = self.overriding.lock().unwrap_or_else(PoisonError::into_inner);
        let current = (*overriding)?;
        if current.until.is_some_and(|until| Instant::now() >= until) {
            self.put(&mut overriding, None);
            return None;
        }
        Some(current.value)
    }

    pub(super) fn override_until(&self, value: i64, until: Option<Instant>) {
        self.put(&mut self.overriding.lock().unwrap_or_else(PoisonError::into_inner), Some(Override { value, until }));
    }

    pub(super) fn end_override(&self) {
        self.put(&mut self.overriding.lock().unwrap_or_else(PoisonError::into_inner), None);
    }

    fn put(&self, overriding: &mut Option<Override>, new: Option<Override>) {
        let (is, was) = (new.is_some(), overriding.is_some());
        *overriding = new;
        self.is_overridden.store(is, Ordering::Relaxed);
        match (was, is) {
            (false, true) => OVERRIDDEN.fetch_add(1, Ordering::Relaxed),
            (true, false) => OVERRIDDEN.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.end_override();
    }
}
