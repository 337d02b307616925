//! Schemas that others publish and the gate brings along. They are compiled by the same code as those of a repository.

use super::{
    Catalog, Compiled, SchemaSettings, closure,
    files::{SchemaFile, SchemaFiles},
};
use crate::candidate::CandidateError;
use configbus_model::{ObjectId, blob_id};
use std::sync::LazyLock;

/// OpenFeature's, Apache-2.0: see the folder.
const FLAGD: [(&str, &str); 2] = [
    ("flags.json", include_str!("../../published/flagd/flags.json")),
    ("targeting.json", include_str!("../../published/flagd/targeting.json")),
];

struct Published(&'static [(&'static str, &'static str)]);

impl SchemaFiles for Published {
    fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        Ok(self.file(path)?.map(|file| file.id))
    }

    fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError> {
        let Some((_, content)) = self.0.iter().find(|(name, _)| *name == path) else { return Ok(None) };
        let id = blob_id(content.as_bytes()).map_err(|error| CandidateError::read(path, error))?.object_id();
        Ok(Some(SchemaFile { id, content: content.as_bytes().into() }))
    }
}

/// Returns the schema of flagd's flag definitions.
pub(crate) fn flagd() -> &'static Compiled {
    static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
        let (files, settings) = (Published(&FLAGD), SchemaSettings::default());
        let catalog = Catalog::new(&files, FLAGD.map(|(name, _)| name.to_owned()));
        let closure = closure::load("flags.json", &catalog, &settings).expect("it is part of the program");
        let closure = closure.expect("a test reads it");
        Compiled::new(&closure, false, &settings).expect("a test compiles it")
    });
    &COMPILED
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_schema_of_flagd_tells_right_from_wrong() {
        let check = |targeting: serde_json::Value| {
            let flag =
                json!({"state": "ENABLED", "variants": {"a": true}, "defaultVariant": "a", "targeting": targeting});
            flagd().check(&json!({"flags": {"f": flag}}), &SchemaSettings::default()).0.len()
        };
        assert_eq!(check(json!({"if": [{"==": [{"var": "x"}, 1]}, "a", null]})), 0);
        assert!(check(json!({"sem_ver": [{"var": "x"}, "==", "1"]})) > 0);
    }
}
