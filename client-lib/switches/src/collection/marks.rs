//! Which keys answer differently after a change.

use super::{SwitchFile, Switches, flagd::written_flags, plan::Plan};
use crate::hash::xxh64;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

impl Switches {
    /// Returns a mark for each key that a test on path and metadata selects, as far as documents were kept. A key whose mark is
    /// the same gives the same answers; prerequisites count as parts of the features that have them.
    pub fn marks(&self, selects: impl Fn(&str, &Map<String, Value>) -> bool) -> BTreeMap<&str, u64> {
        let documents: HashMap<&str, u64> =
            self.files().filter_map(|(path, _)| Some((path, mark(0, self.document(path)?)))).collect();
        let mark_of = |path: &str| documents.get(path).copied().unwrap_or_default();
        let (mut marks, mut parameters) = (BTreeMap::new(), Vec::new());
        for (file, (path, content)) in self.files().enumerate() {
            match content {
                SwitchFile::Flags(set) => {
                    let Some(document) = self.document(path) else { continue };
                    let shared = document.get("$evaluators").map_or(0, |evaluators| mark(0, evaluators));
                    for (flag, written) in set.flags().zip(written_flags(document)) {
                        if selects(path, flag.metadata()) {
                            let own = mark(shared, written) ^ metadata_mark(flag.metadata());
                            marks.entry(flag.key()).or_insert(own);
                        }
                    }
                }
                SwitchFile::Feature(feature) if selects(path, feature.metadata()) => {
                    let own = match self.plan(file) {
                        None => mark_of(path),
                        Some(Plan::Endless) => !mark_of(path),
                        Some(Plan::Steps(steps)) => {
                            let needed = steps.iter().map(|step| step.target.and_then(|target| self.file(target)));
                            let needed = needed.map(|needed| needed.map_or(0, |(path, _)| mark_of(path)));
                            needed.fold(0, |all, one| xxh64(all, &one.to_le_bytes()))
                        }
                    };
                    marks.entry(feature.key()).or_insert(own);
                    parameters.extend(feature.parameter_keys().map(|(_, key)| (key, own)));
                }
                SwitchFile::Deciders(deciders) => {
                    let selected = deciders.iter().filter(|flag| selects(path, flag.metadata()));
                    selected.for_each(|flag| _ = marks.entry(flag.key()).or_insert(flag.mark()));
                }
                SwitchFile::Feature(_) | SwitchFile::Other => {}
            }
        }
        // A flag of the name of a parameter goes before it, wherever it stands.
        parameters.into_iter().for_each(|(key, own)| _ = marks.entry(key).or_insert(own));
        marks
    }
}

fn mark(seed: u64, document: &Value) -> u64 {
    xxh64(seed, document.to_string().as_bytes())
}

fn metadata_mark(metadata: &Map<String, Value>) -> u64 {
    metadata.iter().fold(0, |all, (name, value)| xxh64(mark(all, value), name.as_bytes()))
}
