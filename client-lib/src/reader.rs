//! The fastest way to load: a copy of the pointer per thread.

use crate::{Subscription, following::cell::FileCell, following::owner::Owner};
use arc_swap::{ArcSwapOption, Cache};
use std::{fmt, ops::Deref, sync::Arc};

/// Loads the value of one file for one thread. It checks with one ordinary load whether the value was replaced since; the
/// value before stays in memory until the next `load` of each reader.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = configbus_client::ConfigBus::in_memory();
/// memory.set("limit.json", "10")?;
/// memory.flip();
/// let mut limit = memory.bus().subscribe::<u32>("limit.json")?.reader();
/// assert_eq!(limit.load(), Some(&10));
/// # Ok(())
/// # }
/// ```
pub struct Reader<T> {
    cache: Cache<Shared<T>, Option<Arc<T>>>,
    /// Keeps the value current.
    _owner: Arc<Owner>,
}

struct Shared<T>(Arc<FileCell<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Deref for Shared<T> {
    type Target = ArcSwapOption<T>;

    fn deref(&self) -> &ArcSwapOption<T> {
        self.0.value.shared()
    }
}

impl<T: Send + Sync + 'static> Reader<T> {
    pub(crate) fn new(subscription: Subscription<T>) -> Self {
        Self { cache: Cache::new(Shared(subscription.cell)), _owner: subscription.owner }
    }

    /// Returns the current value; `None` while the file does not exist.
    #[inline]
    pub fn load(&mut self) -> Option<&T> {
        self.cache.load().as_deref()
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), _owner: Arc::clone(&self._owner) }
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
