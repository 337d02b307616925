//! A value that was loaded.

use crate::current::Loaded;
use std::{fmt, ops::Deref, sync::Arc};

/// The value a file had when it was loaded; later changes do not affect it. Cheap to get, meant for short use, and at home on the
/// thread that loaded it: keep, send, and hold across an `.await` [`Value::into_arc`] or
/// [`Subscription::load_full`](crate::Subscription::load_full) instead.
pub struct Value<T>(pub(crate) Loaded<T>);

impl<T> Value<T> {
    /// Returns the value for keeping.
    pub fn into_arc(self) -> Arc<T> {
        self.0.into_arc()
    }
}

impl<T> Deref for Value<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
