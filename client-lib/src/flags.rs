//! Flags and features in a running program: always current, asked by name or by handle.

use crate::{
    ConfigBus, Format, ParseError, PrefixFiles, PrefixSubscription, Refusal, SubscribeError, current::Current,
    following::cell::Watched, following::path_glob::PathGlob, following::prefix_cell::PrefixCell,
    following::rules::Rules, moment::now,
};
use configbus_model::ConfigPath;
use configbus_switches::{SwitchFile, Switches};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

mod handle;
mod places;

pub use handle::{FlagDetails, FlagHandle, FlagValue};
use handle::{Located, Slot};
pub use places::FlagPlaces;
use places::Keys;

/// All flags and features of a bus. Clones are cheap and share everything.
///
/// A version of a file that is not usable changes nothing: the last good one counts until the next good one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::{ConfigBus, FlagPlaces, switches::Context};
///
/// let memory = ConfigBus::in_memory();
/// memory.set("features/cart.yaml", "
/// owner: checkout@example.org
/// stage: beta
/// parameters:
///   enabled: {type: bool, default: false}
///   batch: {type: int, default: 20}
/// rules:
///   - when: {country: DE}
///     set: {enabled: true, batch: 40}
/// ")?;
/// memory.flip();
/// let flags = memory.bus().flags(&FlagPlaces::default())?;
/// let batch = flags.handle("cart.batch", 10_i64);
/// let german = [("country", "DE".into())];
/// assert_eq!((batch.get(&Context::of(&german)), batch.get(&Context::default())), (40, 20));
/// assert!(flags.get("cart.enabled", &Context::of(&german), false));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Flags {
    board: Arc<Board>,
    files: PrefixSubscription<FlagFile>,
}

/// What is kept of one file.
#[derive(Debug)]
struct FlagFile {
    switches: Arc<SwitchFile>,
    /// As it is written, where that was asked for.
    document: Option<Arc<Value>>,
}

/// What is kept of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// What evaluation needs.
    Compiled,
    /// The documents as well.
    Documents,
}

/// What readers look at.
#[derive(Debug, Default)]
struct Board {
    current: Current<Switches>,
    /// Keys that somebody has a handle of.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Board {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, files: &PrefixFiles<FlagFile>) {
        let switches = files.iter().map(|(path, file)| (path.to_string(), Arc::clone(&file.switches)));
        let documents =
            files.iter().filter_map(|(path, file)| Some((path.to_string(), Arc::clone(file.document.as_ref()?))));
        let switches = Arc::new(Switches::of(switches).with_documents(documents));
        // The lock keeps a handle that is made meanwhile from missing the new set.
        let mut slots = self.slots();
        slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        slots.iter().for_each(|(key, slot)| slot.store(Arc::new(Located::new(&switches, key))));
        self.current.store(switches);
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = self.slots();
        let current = self.current.load_full().unwrap_or_default();
        let slot = slots
            .entry(key.to_owned())
            .or_insert_with(|| Arc::new(Slot::new(Some(Arc::new(Located::new(&current, key))))));
        Arc::clone(slot)
    }
}

impl ConfigBus {
    /// Subscribes to flags and features. [`FlagPlaces::of`] reads where they stand; by default it is `flags/**` and
    /// `features/**`.
    pub fn flags(&self, places: &FlagPlaces) -> Result<Flags, SubscribeError> {
        self.flags_keeping(places, Keeping::Compiled)
    }

    /// Subscribes to flags and features and keeps the documents they were read from as well, for programs that hand flags on:
    /// see [`Switches::to_flagd`].
    pub fn flags_with_documents(&self, places: &FlagPlaces) -> Result<Flags, SubscribeError> {
        self.flags_keeping(places, Keeping::Documents)
    }

    fn flags_keeping(&self, places: &FlagPlaces, keeping: Keeping) -> Result<Flags, SubscribeError> {
        let patterns = places.patterns();
        let failed = |reason| SubscribeError::Pattern { pattern: patterns.join(" "), reason };
        let glob = PathGlob::parse_all(&patterns).map_err(failed)?;
        let keys = places.keys().map_err(failed)?;
        let rules = Rules::new(move |path, content| decoded(&keys, keeping, path, content));
        let board = Arc::new(Board::default());
        let published = Arc::clone(&board);
        let cell = Arc::new(PrefixCell::new(glob, rules).composing(move |files, _, _| published.publish(files)));
        let watched: Arc<dyn Watched> = Arc::<PrefixCell<FlagFile>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(Flags { board, files: PrefixSubscription { cell, owner: Arc::clone(&self.owner) } })
    }
}

/// What is no document, or plainly something else, is left alone, as the gate leaves it.
fn decoded(keys: &Keys, keeping: Keeping, path: &ConfigPath, content: &[u8]) -> Result<FlagFile, ParseError> {
    let other = || FlagFile { switches: Arc::new(SwitchFile::Other), document: None };
    let Some(format) = Format::of(path) else { return Ok(other()) };
    let document: Value = format.parse(content)?;
    let problem = |problems: configbus_switches::Problems| ParseError { place: None, message: problems.to_string() };
    let switches = Arc::new(SwitchFile::parse(keys.of(path), &document).usable().map_err(problem)?);
    let is_kept = keeping == Keeping::Documents && !matches!(&*switches, SwitchFile::Other);
    Ok(FlagFile { switches, document: is_kept.then(|| Arc::new(document)) })
}

impl Flags {
    /// Returns a handle to one key, the fastest way to ask, with the value that counts where the files have none. The key
    /// need not be there yet. A feature's parameter is behind a dot: `checkout/cart.enabled`.
    pub fn handle<T: FlagValue>(&self, key: &str, default: T) -> FlagHandle<T> {
        FlagHandle::new(key, default, self.board.slot(key), self.clone())
    }

    /// Returns what a key is for a context; the default where the files have no value, or one of another type.
    pub fn get<T: FlagValue>(&self, key: &str, context: &configbus_switches::Context<'_>, default: T) -> T {
        let current = self.board.current.load();
        let found = current.as_ref().and_then(|current| T::read(&current.resolve(key, context, now())).ok().flatten());
        found.unwrap_or(default)
    }

    /// Returns all there is, for many questions of one moment.
    pub fn load(&self) -> Arc<Switches> {
        self.board.current.load_full().unwrap_or_default()
    }

    /// Calls back after each change of a file, when answers are from it already. See
    /// [`Subscription::on_change`](crate::Subscription::on_change).
    pub fn on_change(&self, callback: impl Fn(&ConfigPath) + Send + Sync + 'static) -> &Self {
        self.files.on_change(move |change| callback(&change.path));
        self
    }

    /// Returns why the newest versions of files are not in use; empty when all are.
    pub fn refusals(&self) -> Arc<BTreeMap<ConfigPath, Refusal>> {
        self.files.refusals()
    }

    /// Ends the subscription; answers stay as they are.
    pub fn cancel(&self) {
        self.files.cancel();
    }
}
