//! A value that was loaded.

use arc_swap::Guard;
use std::{fmt, ops::Deref, sync::Arc};

/// The value a file had when it was loaded; later changes do not affect it. Cheap to get and meant for short use; keep
/// [`Value::into_arc`] instead.
pub struct Value<T>(Guard<Option<Arc<T>>>);

impl<T> Value<T> {
    /// Wraps what was loaded if it is not nothing: checked here, once.
    #[inline]
    pub(crate) fn loaded(guard: Guard<Option<Arc<T>>>) -> Option<Self> {
        // Not `then_some`: that moves the guard before it is known whether there is a value, at twice the cost.
        if guard.is_none() { None } else { Some(Self(guard)) }
    }

    /// Returns the value for keeping.
    pub fn into_arc(self) -> Arc<T> {
        Guard::into_inner(self.0).expect("it was checked to hold a value")
    }
}

impl<T> Deref for Value<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("it was checked to hold a value")
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
