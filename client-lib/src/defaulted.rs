//! One file with a value to use while it has none.

use crate::{Subscription, Value};
use std::ops::Deref;

/// A [`Subscription`] whose `load` always has a value: the file's, or the program's default while the file does not
/// exist or has never been usable. Callbacks are told of the file: the default is no old and no new value to them.
#[derive(Debug)]
pub struct Defaulted<T>(Subscription<T>);

impl<T> Clone for Defaulted<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Defaulted<T> {
    /// Wraps a subscription whose cell has a default.
    pub(crate) fn new(subscription: Subscription<T>) -> Self {
        Self(subscription)
    }

    /// Returns the current value or the default, without a lock.
    #[inline]
    pub fn load(&self) -> Value<T> {
        self.0.load().expect("a cell with a default always has a value")
    }
}

impl<T> Deref for Defaulted<T> {
    type Target = Subscription<T>;

    fn deref(&self) -> &Subscription<T> {
        &self.0
    }
}
