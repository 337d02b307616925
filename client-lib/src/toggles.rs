//! Toggles of a library in a running program: Finagle's files, in its five layers.

use crate::{
    ConfigBus, Format, ParseError, Refusal, SubscribeError, following::cell::Watched, following::group_cell::GroupCell,
    following::owner::Owner, following::rules::Rules,
};
use configbus_model::ConfigPath;
use configbus_switches::toggle::{
    ToggleCut, ToggleFile, ToggleFileKind, ToggleLayers, ToggleMap, ToggleSeed, ToggleSource, parse_overrides,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Stands for a toggle that no layer has.
const UNKNOWN: u64 = u64::MAX;

/// Which files and what beside them.
#[derive(Debug, Clone, Default)]
pub struct ToggleOptions {
    environment: Option<String>,
    overrides: ToggleMap,
    loaded: ToggleMap,
}

impl ToggleOptions {
    /// Returns options without an environment and overrides.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the files of an environment win over the plain ones. Its name is put into lower case.
    #[must_use]
    pub fn environment(mut self, environment: &str) -> Self {
        self.environment = Some(environment.to_lowercase());
        self
    }

    /// Takes overrides as given on a command line, `id=fraction,…`.
    #[must_use]
    pub fn overrides(mut self, text: &str) -> Self {
        self.overrides = parse_overrides(text);
        self
    }

    /// Takes what the service itself brings, which wins over the library's owner only.
    #[must_use]
    pub fn service_loaded(mut self, map: ToggleMap) -> Self {
        self.loaded = map;
        self
    }

    /// Returns the four files: those of the service's owner, then those of the library's, each with the environment's first.
    fn paths(&self, folder: &str, library: &str) -> [String; 4] {
        let plain = |name: &str| format!("{folder}/{name}.json");
        let special = |name: &str| match &self.environment {
            Some(environment) => format!("{folder}/{name}-{environment}.json"),
            None => plain(name),
        };
        let service = format!("{library}-service");
        [special(&service), plain(&service), special(library), plain(library)]
    }
}

/// The toggles of one library. Clones are cheap and share everything.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::{ConfigBus, ToggleOptions};
///
/// let memory = ConfigBus::in_memory();
/// let file = r#"{"toggles": [{"id": "com.toggle.some", "fraction": 0.5, "description": "tries it"}]}"#;
/// memory.set("toggles/configs/com.toggle.json", file)?;
/// memory.flip();
/// let toggles = memory.bus().toggles("toggles/configs", "com.toggle", ToggleOptions::new())?;
/// let some = toggles.handle("com.toggle.some");
/// assert_eq!((some.is_on(999), some.is_on(i32::MIN)), (Some(true), Some(false)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Toggles {
    board: Arc<Board>,
    cell: Arc<GroupCell<ToggleFile>>,
    _owner: Arc<Owner>,
}

#[derive(Debug)]
struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    layers: ToggleLayers,
    slots: HashMap<String, Arc<AtomicU64>>,
}

impl State {
    fn bits(&self, id: &str) -> u64 {
        self.layers.get(id).map_or(UNKNOWN, |toggle| toggle.cut().to_bits())
    }

    fn refresh(&self) {
        // Relaxed: the word is all there is to see.
        self.slots.iter().for_each(|(id, slot)| slot.store(self.bits(id), Ordering::Relaxed));
    }
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, library: &str, options: &ToggleOptions, files: &[Option<Arc<ToggleFile>>]) {
        let map = |at: usize| {
            files.get(at).cloned().flatten().map_or_else(ToggleMap::default, |file| ToggleMap::of_file(&file))
        };
        let (service, owner) = ([map(0), map(1)], [map(2), map(3)]);
        let layers =
            ToggleLayers::new(library, options.overrides.clone(), service, vec![options.loaded.clone()], owner);
        let mut state = self.state();
        let mut layers = layers.expect("there is one map that the service loads");
        *layers.mutable() = std::mem::take(state.layers.mutable());
        state.layers = layers;
        state.refresh();
    }
}

impl ConfigBus {
    /// Subscribes to the toggles of a library: `LIBRARY.json`, `LIBRARY-service.json` and those of the environment, in a folder.
    pub fn toggles(&self, folder: &str, library: &str, options: ToggleOptions) -> Result<Toggles, SubscribeError> {
        let paths =
            options.paths(folder, library).iter().map(|path| ConfigPath::parse(path)).collect::<Result<Vec<_>, _>>()?;
        let rules = Rules::new(|path, content| {
            let document = Format::Json.parse(content)?;
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            let file = ToggleFile::parse(&document, ToggleFileKind::of_file_name(name)).usable();
            file.map_err(|problems| ParseError { place: None, message: problems.to_string() })
        });
        let board = Arc::new(Board { state: Mutex::default() });
        let (published, library) = (Arc::clone(&board), library.to_owned());
        let cell = Arc::new(GroupCell::new(paths, rules, move |files| published.publish(&library, &options, files)));
        let watched: Arc<dyn Watched> = Arc::<GroupCell<ToggleFile>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(Toggles { board, cell, _owner: Arc::clone(&self.owner) })
    }
}

impl Toggles {
    /// Returns a handle to one toggle, the fastest way to ask. It need not be there yet.
    pub fn handle(&self, id: &str) -> ToggleHandle {
        let mut state = self.board.state();
        let bits = state.bits(id);
        let slot = Arc::clone(state.slots.entry(id.to_owned()).or_insert_with(|| Arc::new(AtomicU64::new(bits))));
        drop(state);
        ToggleHandle { seed: ToggleSeed::of(id), slot, toggles: self.clone() }
    }

    /// Sets a fraction in this process alone, before everything else.
    pub fn set(&self, id: &str, fraction: f64) {
        let mut state = self.board.state();
        state.layers.mutable().put(id, fraction);
        state.refresh();
    }

    /// Ends what [`set`](Self::set) did.
    pub fn unset(&self, id: &str) {
        let mut state = self.board.state();
        state.layers.mutable().remove(id);
        state.refresh();
    }

    /// Returns what each source says of a toggle, the winning first.
    pub fn components(&self, id: &str) -> Vec<(ToggleSource, f64)> {
        self.board.state().layers.components(id)
    }

    /// Returns what is in force, with the checksum that can be compared between hosts.
    pub fn effective(&self) -> ToggleMap {
        self.board.state().layers.effective()
    }

    /// Returns why the newest versions of files are not in use; empty when all are.
    pub fn refusals(&self) -> Arc<BTreeMap<ConfigPath, Refusal>> {
        self.cell.refusals.load_full()
    }
}

/// One toggle. Asking takes neither a lock nor memory. Clones are cheap.
#[derive(Debug, Clone)]
pub struct ToggleHandle {
    seed: ToggleSeed,
    slot: Arc<AtomicU64>,
    /// Keeps the fraction current.
    toggles: Toggles,
}

impl ToggleHandle {
    /// Returns whether it is on for an input; `None` while no layer has it.
    #[inline]
    pub fn is_on(&self, input: i32) -> Option<bool> {
        match self.slot.load(Ordering::Relaxed) {
            UNKNOWN => None,
            bits => Some(self.seed.is_on(input, ToggleCut::from_bits(bits))),
        }
    }

    /// Returns the toggles it is one of.
    pub fn toggles(&self) -> &Toggles {
        &self.toggles
    }
}
