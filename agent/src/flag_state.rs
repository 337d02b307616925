//! The flags of a moment, and what can be asked of them: the one place that every protocol answers from.

use configbus_client::{
    ConfigBus,
    switches::{Context, ErrorCode, LeftOut, Moment, Place, Resolution, Switches},
};
use configbus_model::Revision;
use configbus_runtime::BlockingPool;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// Work on all flags at once: what rules do is bounded for each flag, not for thousands, and must not hold up the agent.
pub(crate) static WHOLE_SETS: LazyLock<BlockingPool> = LazyLock::new(|| BlockingPool::new(4));

/// Most selections of one state that are kept; others are written anew for each who asks.
const SELECTIONS_MAX: usize = 32;

/// All flags of a moment.
#[derive(Debug)]
pub(crate) struct FlagState {
    pub(crate) switches: Arc<Switches>,
    /// What they were read from.
    pub(crate) bus: ConfigBus,
    /// Names this state; another one may have the same flags.
    pub(crate) id: String,
    /// When it became visible, in seconds since 1970.
    pub(crate) modified_s: u64,
    /// The revision it came with.
    pub(crate) revision: Revision,
    /// Documents of flagd's that somebody asked for.
    pub(crate) written: Shelf,
}

/// Documents by what they select.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<BTreeMap<String, Arc<str>>>);

impl FlagState {
    /// Returns what a key is for a context, now.
    pub(crate) fn resolve(&self, key: &str, context: &Map<String, Value>) -> Resolution<'_> {
        self.switches.resolve(key, &Context::of_json(context), now())
    }

    /// Returns what is somewhere for a context, now.
    pub(crate) fn resolve_at(&self, place: Place, key: &str, context: &Map<String, Value>) -> Resolution<'_> {
        self.switches.resolve_at(place, key, &Context::of_json(context), now())
    }

    /// Tells what everything is for a context, now.
    pub(crate) fn each<'a>(&'a self, context: &Map<String, Value>, tell: impl FnMut(&'a str, Resolution<'a>)) {
        self.switches.each(&Context::of_json(context), now(), tell);
    }

    /// Returns a selection as a document of flagd's, and what it lacks if it was written just now.
    pub(crate) fn to_flagd(
        &self,
        selection: &str,
        selects: impl Fn(&str, &Map<String, Value>) -> bool,
    ) -> (Arc<str>, Vec<LeftOut>) {
        let shelf = || self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = shelf().get(selection) {
            return (Arc::clone(written), Vec::new());
        }
        let set = self.switches.to_flagd(selects);
        let written: Arc<str> = Value::Object(set.document).to_string().into();
        let mut shelf = shelf();
        if shelf.len() < SELECTIONS_MAX {
            shelf.insert(selection.to_owned(), Arc::clone(&written));
        }
        (written, set.left_out)
    }
}

/// Returns what went wrong, for people.
pub(crate) fn details_of(error: ErrorCode, key: &str) -> String {
    match error {
        ErrorCode::FlagNotFound => format!("flag '{key}' was not found"),
        ErrorCode::ParseError => "its rule names a variant that it does not have".to_owned(),
        ErrorCode::TypeMismatch => "its value is of another type".to_owned(),
        ErrorCode::General => "its rule does more than it may, or its prerequisites go in a circle".to_owned(),
    }
}

fn now() -> Moment {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_unix_ms(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
