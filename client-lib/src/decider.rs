//! Deciders in a running program: always current, asked by name or by handle.

use crate::{
    ConfigBus, Format, ParseError, Refusal, SubscribeError, current::Current, following::cell::Watched,
    following::group_cell::GroupCell, following::owner::Owner, following::rules::Rules,
};
use configbus_model::ConfigPath;
use configbus_switches::decider::{self, AVAILABILITY_MAX, DeciderFile, DeciderSalts, OverlayPlace, Recipient};
use slot::Slot;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

mod draw;
mod slot;

/// A base of deciders with its overlays. Clones are cheap and share everything.
///
/// A key that no file has is unknown: answers are `None`, and the program says what that means. A version of a file that is not
/// usable changes nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::{ConfigBus, OverlayPlace, Recipient};
///
/// let memory = ConfigBus::in_memory();
/// memory.set("web/decider.yml", "new_db: {default_availability: 10000}")?;
/// memory.flip();
/// let decider = memory.bus().decider("web/decider.yml", &OverlayPlace::role("web").service("api"))?;
/// let new_db = decider.handle("new_db");
/// assert!(new_db.is_available_for(Recipient::user(42_u64)).unwrap_or(false));
///
/// // An overlay turns it off for this service.
/// memory.set("overlays/web/api/decider_overlay.yml", "new_db: {default_availability: 0}")?;
/// memory.flip();
/// assert_eq!(new_db.is_available(), Some(false));
/// assert_eq!(decider.is_available("never_heard_of"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Decider {
    board: Arc<Board>,
    cell: Arc<GroupCell<DeciderFile>>,
    _owner: Arc<Owner>,
}

/// What readers look at.
#[derive(Debug, Default)]
struct Board {
    current: Current<decider::Decider>,
    /// Keys that somebody has a handle of, or that are overridden.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Board {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, files: &[Option<Arc<DeciderFile>>]) {
        let decider = decider::Decider::of_layers(files.iter().flatten().map(|file| &**file));
        // The lock keeps a handle that is made meanwhile from missing the new value.
        let slots = self.slots();
        slots.iter().for_each(|(key, slot)| slot.set(decider.value(key)));
        self.current.store(Arc::new(decider));
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = self.slots();
        let current = self.current.load();
        let value = || current.as_ref().and_then(|current| current.value(key));
        let slot = slots.entry(key.to_owned()).or_insert_with(|| Arc::new(Slot::new(value())));
        Arc::clone(slot)
    }

    fn overriding(&self, key: &str) -> Option<i64> {
        self.slots().get(key).and_then(|slot| slot.overriding())
    }
}

impl ConfigBus {
    /// Subscribes to deciders: a base and the overlays of a place.
    pub fn decider(&self, path: &str, overlays: &OverlayPlace) -> Result<Decider, SubscribeError> {
        let paths = std::iter::once(path.to_owned()).chain(overlays.paths());
        let paths = paths.map(|path| ConfigPath::parse(&path)).collect::<Result<Vec<_>, _>>()?;
        let rules = Rules::new(|path, content| {
            let document = Format::of(path).unwrap_or(Format::Yaml).parse(content)?;
            let problem =
                |problems: configbus_switches::Problems| ParseError { place: None, message: problems.to_string() };
            DeciderFile::parse(&document).usable().map_err(problem)
        });
        let board = Arc::new(Board::default());
        let published = Arc::clone(&board);
        let cell = Arc::new(GroupCell::new(paths, rules, move |files| published.publish(files)));
        let watched: Arc<dyn Watched> = Arc::<GroupCell<DeciderFile>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(Decider { board, cell, _owner: Arc::clone(&self.owner) })
    }
}

impl Decider {
    /// Returns a handle to one key, the fastest way to ask. The key need not be there yet.
    pub fn handle(&self, key: &str) -> DeciderHandle {
        DeciderHandle { salts: DeciderSalts::of(key), slot: self.board.slot(key), decider: self.clone() }
    }

    /// Returns whether a key is on for everybody; `None` for a key that is unknown.
    pub fn is_available(&self, key: &str) -> Option<bool> {
        self.value(key).map(|value| value >= AVAILABILITY_MAX)
    }

    /// Returns whether a recipient is in; `None` for a key that is unknown.
    pub fn is_available_for(&self, key: &str, recipient: Recipient<'_>) -> Option<bool> {
        if slot::any_is_overridden()
            && let Some(value) = self.board.overriding(key)
        {
            return Some(DeciderSalts::of(key).is_available(value, recipient));
        }
        self.board.current.load()?.is_available_for(key, recipient)
    }

    /// Draws at random, anew for each call; `None` for a key that is unknown.
    pub fn is_available_at_random(&self, key: &str) -> Option<bool> {
        self.is_available_for(key, Recipient::Random(draw::random()))
    }

    /// Returns the number itself, for thresholds; `None` for a key that is unknown.
    pub fn value(&self, key: &str) -> Option<i64> {
        if slot::any_is_overridden()
            && let Some(value) = self.board.overriding(key)
        {
            return Some(value);
        }
        self.board.current.load()?.value(key)
    }

    /// Returns all that the files say together, overrides left out.
    pub fn load(&self) -> Arc<decider::Decider> {
        self.board.current.load_full().unwrap_or_default()
    }

    /// Gives a key another value in this process alone. It ends by itself; an override can be forgotten, its end cannot.
    pub fn override_for(&self, key: &str, value: i64, duration: Duration) {
        self.board.slot(key).override_until(value, Instant::now().checked_add(duration));
    }

    /// Ends an override now.
    pub fn end_override(&self, key: &str) {
        self.board.slot(key).end_override();
    }

    /// Returns why the newest versions of files are not in use; empty when all are.
    pub fn refusals(&self) -> Arc<BTreeMap<ConfigPath, Refusal>> {
        self.cell.refusals.load_full()
    }
}

/// One key. Asking takes neither a lock nor memory. Clones are cheap.
#[derive(Debug, Clone)]
pub struct DeciderHandle {
    salts: DeciderSalts,
    slot: Arc<Slot>,
    /// Keeps the value current.
    decider: Decider,
}

impl DeciderHandle {
    /// Returns whether it is on for everybody; `None` while the key is unknown.
    #[inline]
    pub fn is_available(&self) -> Option<bool> {
        self.value().map(|value| value >= AVAILABILITY_MAX)
    }

    /// Returns whether a recipient is in; `None` while the key is unknown.
    #[inline]
    pub fn is_available_for(&self, recipient: Recipient<'_>) -> Option<bool> {
        self.value().map(|value| self.salts.is_available(value, recipient))
    }

    /// Draws at random, anew for each call; `None` while the key is unknown.
    #[inline]
    pub fn is_available_at_random(&self) -> Option<bool> {
        self.is_available_for(Recipient::Random(draw::random()))
    }

    /// Returns the number itself, for thresholds; `None` while the key is unknown.
    #[inline]
    pub fn value(&self) -> Option<i64> {
        self.slot.value()
    }

    /// Returns the deciders it is one of.
    pub fn decider(&self) -> &Decider {
        &self.decider
    }
}
