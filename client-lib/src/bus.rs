//! The handle that programs hold.

use crate::{
    Defaulted, Format, InMemory, OpenError, OpenOptions, PrefixSubscription, ReadError, Snapshot, Stats, Status,
    SubscribeError, Subscription, SubscriptionBuilder, following::cell::Watched, following::owner::Owner,
    following::path_glob::PathGlob, following::prefix_cell::PrefixCell, following::rules::Rules, source::Newest,
    source::SourceError,
};
use configbus_model::{ConfigPath, Revision};
use serde::de::DeserializeOwned;
use std::{io, path::Path, sync::Arc, time::Duration};

/// A host's configuration. Clones are cheap and share everything.
///
/// # Threads
///
/// A bus on disk has one thread that waits for flips; it parses and checks new versions. From the first callback on there
/// is a second one that runs all callbacks, one after the other, in revision order. A callback that takes long, or
/// hangs, delays other callbacks but never [`Subscription::load`]; what changes meanwhile arrives as one change with the
/// oldest old and the newest new value.
///
/// Both threads end, and are waited for, when the last handle is dropped: every `ConfigBus`, [`Subscription`],
/// [`PrefixSubscription`] and [`Reader`](crate::Reader) is one. A handle that a callback or a check owns keeps the bus
/// for ever; then [`close`](Self::close) ends it. Dropped or closed by a callback, the threads end soon after.
///
/// # Fork
///
/// Threads do not survive `fork`. In a child that does not exec, values stay as they were at the fork,
/// [`status`](Self::status) says `Unknown`, and the view pinned at the fork stays pinned as long as the child lives.
/// [`snapshot`](Self::snapshot) works. A server that forks its workers should open the bus in each of them.
#[derive(Debug, Clone)]
pub struct ConfigBus {
    pub(crate) owner: Arc<Owner>,
}

impl ConfigBus {
    /// Opens an agent's root, such as `/var/lib/configbus`, or a plain directory, such as a clone. A root that has no
    /// view yet is waited for, ten seconds at most. Containers must mount the root: a mount of `current` itself would
    /// stay at one revision for ever.
    ///
    /// ```no_run
    /// let bus = configbus_client::ConfigBus::open("/var/lib/configbus")?;
    /// println!("reading {}", bus.snapshot()?.revision());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(root: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(root, &OpenOptions::default())
    }

    /// Opens like [`Self::open`], with options.
    pub fn open_with(root: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, OpenError> {
        Ok(Self { owner: options.open(root.as_ref())? })
    }

    /// Returns a bus whose files a test sets.
    pub fn in_memory() -> InMemory {
        InMemory::new()
    }

    /// Pins the newest revision for many reads. It may be a moment ahead of what [`Subscription::load`] returns. If the
    /// root went away, it is the last revision there was; only a plain directory that cannot be opened is an error.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let held = self.owner.follower.held();
        match self.owner.follower.source().newest(Some(&held.view)) {
            Ok(Newest::Flipped(view) | Newest::Perhaps(view)) => Ok(Snapshot { view: Arc::new(view) }),
            Ok(Newest::Held) => Ok(Snapshot { view: Arc::clone(&held.view) }),
            // Readers always have something, and what is pinned is whole.
            Err(_) if held.view.pinned => Ok(Snapshot { view: Arc::clone(&held.view) }),
            Err(SourceError::Io(source)) => Err(ReadError::NoView { source }),
            Err(error) => Err(ReadError::NoView { source: io::Error::other(error) }),
        }
    }

    /// Subscribes to a file that is parsed by its extension.
    pub fn subscribe<T>(&self, path: &str) -> Result<Subscription<T>, SubscribeError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.file(path)?.subscribe()
    }

    /// Subscribes to a file that is parsed by its extension, with a value to use while it has none.
    pub fn subscribe_or<T>(&self, path: &str, default: T) -> Result<Defaulted<T>, SubscribeError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.file(path)?.or(default)
    }

    /// Subscribes to a file as text, whatever its extension.
    pub fn subscribe_text(&self, path: &str) -> Result<Subscription<String>, SubscribeError> {
        self.text_file(path)?.subscribe()
    }

    /// Subscribes to a file as bytes, whatever its extension.
    pub fn subscribe_bytes(&self, path: &str) -> Result<Subscription<Vec<u8>>, SubscribeError> {
        self.bytes_file(path)?.subscribe()
    }

    /// Starts a subscription with a check, a default or a format of its own.
    pub fn file<T>(&self, path: &str) -> Result<SubscriptionBuilder<T>, SubscribeError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let format = ConfigPath::parse(path).ok().as_ref().and_then(Format::of);
        SubscriptionBuilder::new(&self.owner, path, format.map(Rules::of_format))
    }

    /// Starts a subscription to text.
    pub fn text_file(&self, path: &str) -> Result<SubscriptionBuilder<String>, SubscribeError> {
        SubscriptionBuilder::new(&self.owner, path, Some(Rules::text()))
    }

    /// Starts a subscription to bytes.
    pub fn bytes_file(&self, path: &str) -> Result<SubscriptionBuilder<Vec<u8>>, SubscribeError> {
        SubscriptionBuilder::new(&self.owner, path, Some(Rules::bytes()))
    }

    /// Subscribes to all files that a pattern means, each parsed by its extension. Patterns are those of `.gitignore`,
    /// anchored at the root: `flags/**`, `**/decider.yml`. Files that are not usable are left out and counted.
    pub fn subscribe_prefix<T>(&self, pattern: &str) -> Result<PrefixSubscription<T>, SubscribeError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.register_prefix(pattern, Rules::by_extension())
    }

    /// Subscribes to all files that a pattern means, as text.
    pub fn subscribe_prefix_text(&self, pattern: &str) -> Result<PrefixSubscription<String>, SubscribeError> {
        self.register_prefix(pattern, Rules::text())
    }

    /// Subscribes to all files that a pattern means, as bytes.
    pub fn subscribe_prefix_bytes(&self, pattern: &str) -> Result<PrefixSubscription<Vec<u8>>, SubscribeError> {
        self.register_prefix(pattern, Rules::bytes())
    }

    fn register_prefix<T>(&self, pattern: &str, rules: Rules<T>) -> Result<PrefixSubscription<T>, SubscribeError>
    where
        T: Send + Sync + 'static,
    {
        let failed = |reason| SubscribeError::Pattern { pattern: pattern.to_owned(), reason };
        let cell = Arc::new(PrefixCell::new(PathGlob::parse(pattern).map_err(failed)?, rules));
        let watched: Arc<dyn Watched> = Arc::<PrefixCell<T>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(PrefixSubscription { cell, owner: Arc::clone(&self.owner) })
    }

    /// Returns revision and freshness. Reads a small file; not meant for every request.
    pub fn status(&self) -> Status {
        let held = self.owner.follower.held();
        if self.owner.is_forked() {
            return Status::unknown(held.view.revision);
        }
        self.owner.follower.source().status(&held.view)
    }

    /// Returns what the library counted since the bus was opened.
    pub fn stats(&self) -> Stats {
        self.owner.follower.counters().stats()
    }

    /// Takes the newest view now instead of waiting to be woken, and returns whether anything was new. Callbacks run
    /// later, on their thread. Does nothing in a check and after a fork.
    pub fn refresh(&self) -> bool {
        !self.owner.is_forked() && self.owner.follower.refresh().unwrap_or(false)
    }

    /// Ends all subscriptions and waits for the threads; values stay as they are. Needed only where a callback or a check
    /// owns a handle of this bus, which would keep it for ever.
    pub fn close(&self) {
        self.owner.close();
    }

    /// Waits until values are from `revision` of `main` or a later one; returns whether they are.
    pub fn wait_for(&self, revision: Revision, deadline: Duration) -> bool {
        self.owner.follower.wait_until(|view| view.revision >= revision, deadline)
    }
}
