//! A value that was loaded.

use arc_swap::Guard;
use std::{fmt, ops::Deref, sync::Arc};

/// The value a file had when it was loaded; later changes do not affect it. Cheap to get and meant for short use; keep
/// [`Value::into_arc`] instead.
pub struct Value<T>(Inner<T>);

enum Inner<T> {
    /// Never empty: that is checked once, where it is made.
    Loaded(Guard<Option<Arc<T>>>),
    Default(Arc<T>),
}

impl<T> Value<T> {
    #[inline]
    pub(crate) fn loaded(guard: Guard<Option<Arc<T>>>) -> Option<Self> {
        if guard.is_none() { None } else { Some(Self(Inner::Loaded(guard))) }
    }

    #[inline]
    pub(crate) fn or_default(guard: Guard<Option<Arc<T>>>, default: &Arc<T>) -> Self {
        Self::loaded(guard).unwrap_or_else(|| Self(Inner::Default(Arc::clone(default))))
    }

    /// Returns the value for keeping.
    pub fn into_arc(self) -> Arc<T> {
        match self.0 {
            Inner::Loaded(guard) => Guard::into_inner(guard).expect("it was checked to hold a value"),
            Inner::Default(value) => value,
        }
    }
}

impl<T> Deref for Value<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Inner::Loaded(guard) => guard.as_ref().expect("it was checked to hold a value"),
            Inner::Default(value) => value,
        }
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
