//! Experiments in a running program: always current, each unit's part told once.

use crate::{
    ConfigBus, Format, ParseError, PrefixFiles, Refusal, RefusalReason, SubscribeError, current::Current,
    following::cell::Watched, following::journal::Journal, following::owner::Owner, following::path_glob::PathGlob,
    following::prefix_cell::PrefixCell, following::rules::Rules, moment::now, source::view::View,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use configbus_model::ConfigPath;
use configbus_switches::{
    Context, Id, Moment, Problems,
    experiment::{
        Assignment, Cause, Composition, Experiment, ExperimentDocument, ExperimentSet, ExposureFilter, Variant,
    },
    key_below,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Exposures that are remembered, half a megabyte of them.
const EXPOSURES_REMEMBERED: usize = 1 << 16;

/// Where a handle finds its experiment.
type Slot = Current<Experiment>;

type OnExposure = Arc<dyn Fn(&Exposure<'_>) + Send + Sync>;

/// A unit takes part in an experiment: it was asked for and dealt a variant.
#[derive(Debug, Clone, Copy)]
pub struct Exposure<'a> {
    /// Which experiment.
    pub experiment: &'a str,
    /// What the unit gets.
    pub variant: &'a Variant,
    /// Who it is.
    pub unit: Id<'a>,
    /// When.
    pub at: Moment,
}

/// What a unit gets.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// The variant; absent for who is not in the experiment.
    pub variant: Option<Arc<Variant>>,
    /// Why.
    pub cause: Cause,
}

impl Assigned {
    /// Returns the variant's name, or what those get who are not in the experiment.
    pub fn name_or<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.variant.as_ref().map_or(otherwise, |variant| &variant.name)
    }

    /// Returns the variant's value.
    pub fn value(&self) -> Option<&Value> {
        self.variant.as_ref().map(|variant| &variant.value)
    }
}

/// The experiments of one place. Clones are cheap and share everything.
///
/// A version of a file that is not usable changes nothing. While files cannot be together, such as two experiments with the same
/// range of a layer, the set that was good stays, except that what is turned off or gone is.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::{ConfigBus, switches::Context};
///
/// let memory = ConfigBus::in_memory();
/// let file = "{owner: growth, unit: user, variants: {blue: {range: [0, 50]}, green: {range: [50, 100]}}}";
/// memory.set("experiments/checkout/button.yaml", file)?;
/// memory.flip();
/// let experiments = memory.bus().experiments("experiments/**")?;
/// experiments.on_exposure(|exposure| println!("{:?} sees {}", exposure.unit, exposure.variant.name));
/// let button = experiments.handle("checkout/button");
/// let user = [("user", "ada".into())];
/// let colour = button.assign(&Context::of(&user)).map(|assigned| assigned.name_or("none").to_owned());
/// assert_eq!(colour.as_deref(), Some("blue"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Experiments {
    board: Arc<Board>,
    cell: Arc<PrefixCell<Option<ExperimentDocument>>>,
    owner: Arc<Owner>,
}

/// What readers look at.
struct Board {
    current: ArcSwapOption<ExperimentSet>,
    /// Experiments that somebody has a handle of.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    /// Why files that are right by themselves are not in use.
    refusals: ArcSwap<BTreeMap<ConfigPath, Refusal>>,
    on_exposure: ArcSwap<Vec<OnExposure>>,
    exposed: ExposureFilter,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("refusals", &self.refusals).finish_non_exhaustive()
    }
}

impl Board {
    fn new() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            slots: Mutex::default(),
            refusals: ArcSwap::default(),
            on_exposure: ArcSwap::default(),
            exposed: ExposureFilter::new(EXPOSURES_REMEMBERED),
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, files: &PrefixFiles<Option<ExperimentDocument>>, view: &View, journal: &Journal) {
        let files = files.iter().filter_map(|(path, file)| Some((path, (**file).as_ref()?)));
        let (paths, documents): (Vec<_>, Vec<_>) = files.unzip();
        let Composition { set, problems } = ExperimentSet::compose(documents.iter().copied());
        let before = self.current.load_full().filter(|_| !problems.is_empty());
        let set = before.map_or(set, |before| before.stopped_by(documents));
        let mut refusals = BTreeMap::new();
        for (at, problem) in problems {
            let (path, message) = (paths[at], problem.to_string());
            let is_known = self.refusals.load().get(path).is_some_and(|known| known.reason.says(&message));
            let (origin, reason) = (view.origin(path), RefusalReason::Parse(ParseError { place: None, message }));
            if !is_known {
                journal.refused(path, &origin, &reason);
            }
            refusals.entry(path.clone()).or_insert(Refusal { revision: origin.revision, reason });
        }
        self.refusals.store(Arc::new(refusals));
        // The lock keeps a handle that is made meanwhile from missing the new one.
        let mut slots = self.slots();
        slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        slots.iter().for_each(|(key, slot)| drop(slot.swap(set.get(key).cloned())));
        self.current.store(Some(Arc::new(set)));
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = self.slots();
        let current = self.current.load();
        let experiment = || current.as_ref().and_then(|set| set.get(key).cloned());
        Arc::clone(slots.entry(key.to_owned()).or_insert_with(|| Arc::new(Slot::new(experiment()))))
    }
}

impl ConfigBus {
    /// Subscribes to experiments: all files that a pattern means, with the file `layers` among them.
    pub fn experiments(&self, pattern: &str) -> Result<Experiments, SubscribeError> {
        let failed = |reason| SubscribeError::Pattern { pattern: pattern.to_owned(), reason };
        let glob = PathGlob::parse(pattern).map_err(failed)?;
        let pattern = pattern.to_owned();
        let rules = Rules::new(move |path, content| {
            // What is no document, or plainly something else, is none of ours.
            let Some(format) = Format::of(path) else { return Ok(None) };
            let (document, key) = (format.parse(content)?, key_below(&pattern, path.as_str()));
            if !ExperimentDocument::is_meant_by(key, &document) {
                return Ok(None);
            }
            let problem = |problems: Problems| ParseError { place: None, message: problems.to_string() };
            ExperimentDocument::parse(key, &document).usable().map(Some).map_err(problem)
        });
        let board = Arc::new(Board::new());
        let published = Arc::clone(&board);
        let cell =
            PrefixCell::new(glob, rules).composing(move |files, view, journal| published.publish(files, view, journal));
        let cell = Arc::new(cell);
        let watched: Arc<dyn Watched> = Arc::<PrefixCell<Option<ExperimentDocument>>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(Experiments { board, cell, owner: Arc::clone(&self.owner) })
    }
}

impl Experiments {
    /// Returns a handle to one experiment. It need not be there yet.
    pub fn handle(&self, key: &str) -> ExperimentHandle {
        ExperimentHandle { slot: self.board.slot(key), experiments: self.clone() }
    }

    /// Calls back, on the thread that asks, when a unit takes part in an experiment: once for each, as far as memory of a fixed
    /// size can tell. A callback should be quick, such as one that puts the exposure into a queue. A panic in one is caught and counted.
    pub fn on_exposure(&self, callback: impl Fn(&Exposure<'_>) + Send + Sync + 'static) -> &Self {
        let callback: OnExposure = Arc::new(callback);
        self.board.on_exposure.rcu(|known| known.iter().chain([&callback]).cloned().collect::<Vec<_>>());
        self
    }

    /// Returns all experiments.
    pub fn load(&self) -> Arc<ExperimentSet> {
        self.board.current.load_full().unwrap_or_default()
    }

    /// Returns why the newest versions of files are not in use; empty when all are.
    pub fn refusals(&self) -> BTreeMap<ConfigPath, Refusal> {
        let mut refusals = (**self.board.refusals.load()).clone();
        refusals.extend(self.cell.refusals.load().iter().map(|(path, refusal)| (path.clone(), refusal.clone())));
        refusals
    }

    fn expose(&self, experiment: &Experiment, assignment: &Assignment<'_>, at: Moment) {
        let callbacks = self.board.on_exposure.load();
        if callbacks.is_empty() || !self.board.exposed.is_new(assignment) {
            return;
        }
        let (Some(variant), Some(unit)) = (assignment.variant, assignment.unit) else { return };
        let (exposure, counters) =
            (Exposure { experiment: experiment.key(), variant, unit, at }, self.owner.follower.counters());
        for callback in &**callbacks {
            counters.callbacks.increment();
            if catch_unwind(AssertUnwindSafe(|| callback(&exposure))).is_err() {
                counters.callback_panics.increment();
                tracing::error!(experiment = experiment.key(), "a callback for exposures panicked");
            }
        }
    }
}

/// One experiment. Asking takes neither a lock nor memory. Clones are cheap.
#[derive(Debug, Clone)]
pub struct ExperimentHandle {
    slot: Arc<Slot>,
    /// Keeps it current.
    experiments: Experiments,
}

impl ExperimentHandle {
    /// Returns what who asks gets, and tells that it takes part; `None` while there is no such experiment.
    pub fn assign(&self, context: &Context<'_>) -> Option<Assigned> {
        self.asked(context, |experiment, assignment, at| self.experiments.expose(experiment, assignment, at))
    }

    /// Returns the same and tells nobody: for whoever only looks.
    pub fn peek(&self, context: &Context<'_>) -> Option<Assigned> {
        self.asked(context, |_, _, _| {})
    }

    /// Returns every step of the decision, in words; tells nobody.
    pub fn explain(&self, context: &Context<'_>) -> Option<Vec<String>> {
        let experiment = self.slot.load();
        let (_, steps) = experiment.as_ref()?.explain(context, now());
        Some(steps.iter().map(ToString::to_string).collect())
    }

    /// Returns the experiments it is one of.
    pub fn experiments(&self) -> &Experiments {
        &self.experiments
    }

    fn asked(
        &self,
        context: &Context<'_>,
        tell: impl FnOnce(&Experiment, &Assignment<'_>, Moment),
    ) -> Option<Assigned> {
        let (guard, at) = (self.slot.load(), now());
        let experiment = guard.as_ref()?;
        let assignment = experiment.assign(context, at);
        tell(experiment, &assignment, at);
        Some(Assigned { variant: assignment.variant.cloned(), cause: assignment.cause })
    }
}
