//! Where flags and features stand.

use crate::{ConfigBus, ReadError, following::path_glob::PathGlob};
use configbus_model::{ConfigPath, ErrorKind};
use configbus_switches::key_below;
use serde_json::Value;

/// The policy's file that says which files are switches.
const POLICY: &str = ".configbus/switches.yaml";

/// Patterns of files that hold flags and features, in the dialect of `.gitignore`, anchored at the root. What each file is, it
/// says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagPlaces {
    flags: Vec<String>,
    features: Vec<String>,
}

impl Default for FlagPlaces {
    fn default() -> Self {
        Self { flags: vec!["flags/**".to_owned()], features: vec!["features/**".to_owned()] }
    }
}

impl FlagPlaces {
    /// Reads where the policy of the newest revision says they stand; a policy that says nothing leaves the default places. A
    /// host that does not store the policy, because its agent has other paths, has the default places too.
    pub fn of(bus: &ConfigBus) -> Result<Self, ReadError> {
        match bus.snapshot()?.parse::<Value>(POLICY) {
            Ok(policy) => Ok(Self::of_policy(&policy)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Takes the places a parsed policy names.
    pub fn of_policy(policy: &Value) -> Self {
        let default = Self::default();
        let named = |kind: &str, default: Vec<String>| match policy.get(kind) {
            Some(Value::String(pattern)) => vec![pattern.clone()],
            Some(Value::Array(patterns)) => patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => default,
        };
        Self { flags: named("flags", default.flags), features: named("features", default.features) }
    }

    /// Returns places that are named one by one.
    pub fn new(flags: impl IntoIterator<Item = String>, features: impl IntoIterator<Item = String>) -> Self {
        Self { flags: flags.into_iter().collect(), features: features.into_iter().collect() }
    }

    /// Returns all patterns.
    pub fn patterns(&self) -> Vec<&str> {
        self.flags.iter().chain(&self.features).map(String::as_str).collect()
    }

    /// Returns what names features, ready to be asked often.
    pub(super) fn keys(&self) -> Result<Keys, String> {
        // Features' places first: a file may be in one of each.
        let patterns = self.features.iter().chain(&self.flags);
        let keys = patterns.map(|pattern| Ok((PathGlob::parse(pattern)?, pattern.clone())));
        keys.collect::<Result<_, _>>().map(Keys)
    }
}

/// Names features by where they stand.
#[derive(Debug)]
pub(super) struct Keys(Vec<(PathGlob, String)>);

impl Keys {
    /// Returns how the feature in a file is called.
    pub(super) fn of<'p>(&self, path: &'p ConfigPath) -> &'p str {
        let pattern = self.0.iter().find(|(glob, _)| glob.is_match(path));
        key_below(pattern.map_or("", |(_, pattern)| pattern), path.as_str())
    }
}
