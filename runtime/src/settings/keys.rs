//! Which keys a settings struct has, and which one a typing error probably meant.

use serde_json::Value;
use std::collections::BTreeMap;

/// Most edits by which a key may differ from the one that is suggested.
const TYPO_EDITS_MAX: usize = 4;

/// The leaves of a settings struct, by dotted key.
pub(super) struct Keys(BTreeMap<String, Value>);

impl Keys {
    /// Reads them from the serialised default.
    pub(super) fn of(default: &Value) -> Self {
        let mut leaves = BTreeMap::new();
        collect("", default, &mut leaves);
        Self(leaves)
    }

    /// Iterates dotted keys with their default.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the first key of `table` that does not exist.
    pub(super) fn first_unknown(&self, table: &toml::Table) -> Option<String> {
        self.unknown_below("", table)
    }

    fn unknown_below(&self, prefix: &str, table: &toml::Table) -> Option<String> {
        table.iter().find_map(|(name, value)| {
            let key = dotted(prefix, name);
            if self.0.contains_key(&key) {
                return None;
            }
            match value {
                toml::Value::Table(inner) if self.has_below(&key) => self.unknown_below(&key, inner),
                _ => Some(key),
            }
        })
    }

    fn has_below(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.0.keys().any(|known| known.starts_with(&prefix))
    }

    /// Returns the existing key that `unknown` is nearest to.
    pub(super) fn nearest(&self, unknown: &str) -> Option<&str> {
        let distance = |known: &str| strsim::damerau_levenshtein(known, unknown);
        let nearest = self.0.keys().map(String::as_str).min_by_key(|known| distance(known))?;
        (distance(nearest) <= TYPO_EDITS_MAX.min(unknown.len().div_ceil(2))).then_some(nearest)
    }
}

fn collect(prefix: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() || prefix.is_empty() => {
            for (name, value) in fields {
                collect(&dotted(prefix, name), value, leaves);
            }
        }
        _ => drop(leaves.insert(prefix.to_owned(), value.clone())),
    }
}

fn dotted(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
