//! `switches.yaml`, and the default places where there is none.

use super::{SWITCHES, Translation};
use crate::{
    PathGlob,
    candidate::CandidateError,
    policy::{SwitchEntry, Switches},
};
use serde_json::{Map, Value};

/// Names the places of each kind that the policy names, and of each whose default place would be another one below the new
/// root: `flags/` there is not the `flags/` of the whole tree.
pub(super) fn translate(translation: &mut Translation<'_>, old: &Switches) -> Result<(), CandidateError> {
    let defaults = Switches::default();
    let mut named = Map::new();
    for entry in &old.entries {
        let mut below: Vec<PathGlob> = Vec::new();
        for glob in &entry.files {
            match glob.below(translation.part.prefix) {
                Ok(globs) => below.extend(globs),
                Err(error) => translation.refuse(SWITCHES, None, format!("{glob}: {error}")),
            }
        }
        let default = defaults.entries.iter().find(|default| default.kind == entry.kind);
        if entry.is_named || !default.is_some_and(|default| is_same(translation, entry, default)) {
            let globs = below.iter().map(|glob| Value::from(glob.as_str())).collect();
            named.insert(entry.kind.key().to_owned(), Value::Array(globs));
        }
    }
    if !named.is_empty() {
        let line = |(key, globs): (&String, &Value)| format!("{key}: {globs}\n");
        let text: String = named.iter().map(line).collect();
        translation.policy.files.insert(SWITCHES.to_owned(), text.into());
    }
    Ok(())
}

/// Returns whether the default place means the same files below the new root as what was in force in the whole tree.
fn is_same(translation: &Translation<'_>, old: &SwitchEntry, default: &SwitchEntry) -> bool {
    let matches = |entry: &SwitchEntry, path: &str| entry.files.iter().any(|glob| glob.matches(path));
    let prefix = translation.part.prefix;
    translation.part.files.iter().all(|file| matches(old, &format!("{prefix}/{file}")) == matches(default, file))
}
