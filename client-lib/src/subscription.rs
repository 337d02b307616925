//! One file, parsed and current.

use crate::{Change, Reader, Recording, Refusal, Value, following::cell::FileCell, following::owner::Owner};
use configbus_model::ConfigPath;
use std::sync::Arc;

/// A handle to the current value of a file. Clones are cheap and share everything. While a handle exists, the value is
/// kept current, even if the [`ConfigBus`](crate::ConfigBus) itself was dropped.
#[derive(Debug)]
pub struct Subscription<T> {
    pub(crate) cell: Arc<FileCell<T>>,
    pub(crate) owner: Arc<Owner>,
}

impl<T> Clone for Subscription<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell), owner: Arc::clone(&self.owner) }
    }
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// Returns the current value, without a lock; `None` while the file does not exist. Each thread keeps the value that it loaded last
    /// until it loads again.
    #[inline]
    pub fn load(&self) -> Option<Value<T>> {
        self.cell.value.load().map(Value)
    }

    /// Returns the current value for keeping.
    pub fn load_full(&self) -> Option<Arc<T>> {
        self.cell.value.load_full()
    }

    /// Returns a reader for one thread that loads several times as fast.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(self.clone())
    }

    /// Returns the file.
    pub fn path(&self) -> &ConfigPath {
        &self.cell.path
    }

    /// Calls back after each change from now on, on the callback thread of the bus, in revision order, with all values
    /// of the revision visible already. To miss nothing, register first and load then.
    ///
    /// A subscription with callbacks lives as long as the bus, also when its handles are dropped. A callback that panics
    /// is counted in [`Stats`](crate::Stats) and called again next time.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let memory = configbus_client::ConfigBus::in_memory();
    /// let bus = memory.bus();
    /// let (sender, changes) = std::sync::mpsc::channel();
    /// bus.subscribe::<u32>("limit.json")?.on_change(move |change| {
    ///     let _ = sender.send((change.old.as_deref().copied(), change.new.as_deref().copied()));
    /// });
    /// memory.set("limit.json", "10")?;
    /// memory.flip();
    /// memory.remove("limit.json")?;
    /// memory.flip();
    /// assert_eq!(changes.recv()?, (None, Some(10)));
    /// assert_eq!(changes.recv()?, (Some(10), None));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_change(&self, callback: impl Fn(&Change<T>) + Send + Sync + 'static) -> &Self {
        self.cell.callbacks.add(callback);
        let cell: Arc<FileCell<T>> = Arc::clone(&self.cell);
        self.owner.call_back(&(cell as _));
        self
    }

    /// Returns why the newest version of the file is not in use; `None` when it is.
    pub fn refusal(&self) -> Option<Arc<Refusal>> {
        self.cell.refusal.load_full()
    }

    /// Ends the subscription, callbacks included; the value stays as it is.
    pub fn cancel(&self) {
        let cell: Arc<FileCell<T>> = Arc::clone(&self.cell);
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
