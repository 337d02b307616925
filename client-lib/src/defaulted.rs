//! One file with a value to use while it has none.

use crate::{Subscription, Value};
use std::{ops::Deref, sync::Arc};

/// A [`Subscription`] whose `load` always has a value: the file's, or the program's default while the file does not
/// exist or has never been usable. Everything else is as for a subscription.
#[derive(Debug)]
pub struct Defaulted<T> {
    subscription: Subscription<T>,
    default: Arc<T>,
}

impl<T> Clone for Defaulted<T> {
    fn clone(&self) -> Self {
        Self { subscription: self.subscription.clone(), default: Arc::clone(&self.default) }
    }
}

impl<T: Send + Sync + 'static> Defaulted<T> {
    pub(crate) fn new(subscription: Subscription<T>, default: T) -> Self {
        Self { subscription, default: Arc::new(default) }
    }

    /// Returns the current value or the default, without a lock.
    #[inline]
    pub fn load(&self) -> Value<T> {
        Value::or_default(self.subscription.cell.value.load(), &self.default)
    }
}

impl<T> Deref for Defaulted<T> {
    type Target = Subscription<T>;

    fn deref(&self) -> &Subscription<T> {
        &self.subscription
    }
}
