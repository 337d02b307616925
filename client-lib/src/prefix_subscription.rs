//! All files that a pattern means, parsed and current.

use crate::{Change, Recording, Refusal, following::owner::Owner, following::prefix_cell::PrefixCell};
use configbus_model::ConfigPath;
use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

/// The usable files of one revision, by path.
pub struct PrefixFiles<T>(pub(crate) BTreeMap<ConfigPath, Arc<T>>);

impl<T> Default for PrefixFiles<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> fmt::Debug for PrefixFiles<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<T> Deref for PrefixFiles<T> {
    type Target = BTreeMap<ConfigPath, Arc<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A handle to the values of many files. Clones are cheap and share everything.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = configbus_client::ConfigBus::in_memory();
/// memory.set("flags/a.json", "true")?;
/// memory.set("flags/b.json", "false")?;
/// memory.flip();
/// let flags = memory.bus().subscribe_prefix::<bool>("flags/**")?;
/// let on = flags.load().values().filter(|flag| ***flag).count();
/// assert_eq!(on, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PrefixSubscription<T> {
    pub(crate) cell: Arc<PrefixCell<T>>,
    pub(crate) owner: Arc<Owner>,
}

impl<T> Clone for PrefixSubscription<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell), owner: Arc::clone(&self.owner) }
    }
}

impl<T: Send + Sync + 'static> PrefixSubscription<T> {
    /// Returns all usable files, every one of the same revision unless its newest version was refused.
    pub fn load(&self) -> Arc<PrefixFiles<T>> {
        self.cell.files.load_full()
    }

    /// Calls back after each change of a file, files in path order. See
    /// [`Subscription::on_change`](crate::Subscription::on_change).
    pub fn on_change(&self, callback: impl Fn(&Change<T>) + Send + Sync + 'static) -> &Self {
        self.cell.callbacks.add(callback);
        let cell: Arc<PrefixCell<T>> = Arc::clone(&self.cell);
        self.owner.call_back(&(cell as _));
        self
    }

    /// Returns why the newest versions of files are not in use; empty when all are.
    pub fn refusals(&self) -> Arc<BTreeMap<ConfigPath, Refusal>> {
        self.cell.refusals.load_full()
    }

    /// Ends the subscription, callbacks included; values stay as they are.
    pub fn cancel(&self) {
        let cell: Arc<PrefixCell<T>> = Arc::clone(&self.cell);
        self.owner.follower.forget(&(cell as _));
    }

    /// Records all changes from now on, for tests.
    pub fn record(&self) -> Recording<T> {
        let recording = Recording::default();
        let tape = recording.clone();
        self.on_change(move |change| tape.add(change.clone()));
        recording
    }
}
