//! What in a tree should be looked at: what has expired, does nothing any more, or leads nowhere.

use super::{SwitchFile, Switches};
use crate::{Flag, Moment};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The file.
    pub path: String,
    /// The switch.
    pub key: String,
    /// Whom to ask, where the file says.
    pub owner: Option<String>,
    /// What is the matter.
    pub told: String,
}

impl Switches {
    /// Returns everything to look at, in the order of the files.
    pub fn lints(&self, now: Moment) -> Vec<Lint> {
        let circles: HashSet<&str> = self.circles().collect();
        let mut keys = HashSet::new();
        let mut lints = Vec::new();
        for (path, file) in self.files() {
            let mut add = |key: &str, metadata: &Map<String, Value>, told: Vec<String>| {
                let owner = metadata.get("owner").and_then(Value::as_str).map(str::to_owned);
                let lint = |told| Lint { path: path.to_owned(), key: key.to_owned(), owner: owner.clone(), told };
                let twice =
                    (!keys.insert(key.to_owned())).then(|| "is in a file before this one, which counts".to_owned());
                lints.extend(twice.into_iter().chain(told).map(lint));
            };
            match file {
                SwitchFile::Flags(set) => {
                    set.flags().for_each(|flag| add(flag.key(), flag.metadata(), of_flag(flag, now)));
                }
                SwitchFile::Feature(feature) => {
                    let mut told = feature.lints(now);
                    if circles.contains(feature.key()) {
                        told.push("prerequisites lead back to it, or are too many: it is off for everybody".to_owned());
                    }
                    let unknown = feature.requirements().iter().filter(|(key, _)| self.find(key).is_none());
                    told.extend(
                        unknown.map(|(key, _)| format!("needs '{key}', which nobody has: it is off for everybody")),
                    );
                    add(feature.key(), feature.metadata(), told);
                }
                // Deciders are looked through where they are, overlays included: not all of them stand among flags.
                SwitchFile::Deciders(_) | SwitchFile::Other => {}
            }
        }
        lints
    }
}

fn of_flag(flag: &Flag, now: Moment) -> Vec<String> {
    let mut told = Vec::new();
    let expires = flag.metadata().get("expires").and_then(Value::as_str);
    match expires.map(Moment::parse) {
        Some(Ok(expires)) if expires <= now => told.push(format!("should be gone since {expires}")),
        Some(Err(error)) => told.push(format!("expires: {error}")),
        _ => {}
    }
    told.extend(flag.idle_conditions());
    let unused = flag.unused_variants();
    if !unused.is_empty() {
        told.push(format!("nothing leads to variant {}", unused.join(", ")));
    }
    told
}
