//! How much one evaluation may do.
//!
//! Rules come from authors who were let in, and still one that doubles a text with each item of a list must not eat the
//! memory of every process that asks for the flag. What makes texts and lists, and what goes over lists, takes from one
//! supply. With the supply gone every such operation is null at once, and the flag answers that it failed.

use std::cell::Cell;

/// Bytes made and items looked at. A rule that decides something needs some hundreds.
const WORK_MAX: u32 = 1 << 20;

/// What an item of a new list takes, as much as eight bytes of text.
pub(super) const PER_ITEM: usize = 8;

/// What is left of one evaluation's supply.
#[derive(Debug)]
pub(crate) struct Fuel(Cell<u32>);

impl Default for Fuel {
    fn default() -> Self {
        Self(Cell::new(WORK_MAX))
    }
}

impl Fuel {
    /// Takes some; `false` once there is not enough.
    #[inline]
    pub(super) fn take(&self, work: usize) -> bool {
        let left = u32::try_from(work).ok().and_then(|work| self.0.get().checked_sub(work));
        self.0.set(left.unwrap_or(0));
        left.is_some_and(|left| left > 0)
    }

    /// Leaves nothing.
    pub(super) fn end(&self) {
        self.0.set(0);
    }

    /// Returns whether an operation had to be left undone.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
