//! Files of toggles.

use super::check_name;
use crate::{Parsed, reading::Reading};
use serde_json::Value;
use std::collections::HashMap;

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToggleFileKind {
    /// The owner of the library, who has to describe each toggle.
    Library,
    /// The owner of a service that uses it.
    Service,
}

impl ToggleFileKind {
    /// Returns what the name of a file says: `LIB.json`, `LIB-ENV.json`, `LIB-service.json`, `LIB-service-ENV.json`.
    pub fn of_file_name(name: &str) -> Self {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        if stem.ends_with("-service") || stem.contains("-service-") { Self::Service } else { Self::Library }
    }
}

/// One toggle as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ToggleRecord {
    /// Its name.
    pub id: String,
    /// The fraction of inputs for which it is on.
    pub fraction: f64,
    /// What it does.
    pub description: Option<String>,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToggleFile {
    /// Its toggles, ids differing.
    pub records: Vec<ToggleRecord>,
}

impl ToggleFile {
    /// Reads a parsed document.
    pub fn parse(document: &Value, kind: ToggleFileKind) -> Parsed<Self> {
        let mut reading = Reading::default();
        let fields = reading.fields(document, &["toggles"]);
        let records = fields.and_then(|fields| {
            reading.required(fields, "toggles", |reading, list| reading.elements(list, |r, item| record(r, item, kind)))
        });
        let file = Self { records: records.unwrap_or_default() };
        let mut seen = HashMap::new();
        for (at, record) in file.records.iter().enumerate() {
            if let Some(first) = seen.insert(record.id.as_str(), at) {
                let message = format!("toggle is there twice, as element {first} as well");
                reading.within("toggles", |reading| {
                    reading.at(at, |reading| reading.wrong(message).found(&record.id).pointer.len())
                });
            }
        }
        reading.finish(Some(file))
    }
}

fn record(reading: &mut Reading, value: &Value, kind: ToggleFileKind) -> Option<ToggleRecord> {
    let fields = reading.fields(value, &["id", "fraction", "description", "comment"])?;
    let id = reading.required(fields, "id", |reading, value| {
        let id = reading.text(value)?;
        check_name(id).map_err(|error| reading.wrong(error.to_string()).pointer.len()).ok()?;
        Some(id.to_owned())
    });
    let fraction = reading.required(fields, "fraction", |reading, value| reading.number(value, 0.0, 1.0));
    let text = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
    let description = match kind {
        ToggleFileKind::Library => reading.required(fields, "description", text),
        ToggleFileKind::Service => fields.get("description").and_then(Value::as_str).map(str::to_owned),
    };
    Some(ToggleRecord { id: id?, fraction: fraction?, description })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_kinds_of_files_are_read() {
        let bare = json!({"toggles": [{"id": "com.a.b", "fraction": 0.5, "comment": 7}]});
        let service = ToggleFile::parse(&bare, ToggleFileKind::Service).flawless().unwrap();
        assert_eq!((service.records[0].id.as_str(), service.records[0].fraction), ("com.a.b", 0.5));
        let library = ToggleFile::parse(&bare, ToggleFileKind::Library).flawless().unwrap_err();
        assert_eq!(library.to_string(), "/toggles/0: member 'description' is missing");
        let described = json!({"toggles": [{"id": "com.a.b", "fraction": 1, "description": "does it"}]});
        assert!(ToggleFile::parse(&described, ToggleFileKind::Library).flawless().is_ok());
    }

    #[test]
    fn what_finagle_refuses_is_refused() {
        for (document, told) in [
            (json!({}), "member 'toggles' is missing"),
            (json!({"toggles": {}}), "/toggles: value is of another kind: found a mapping, expected a list"),
            (json!({"toggles": [{"id": "com.a", "fraction": 1.1}]}), "/toggles/0/fraction: number is out of range"),
            (json!({"toggles": [{"id": "a", "fraction": 1}]}), "/toggles/0/id: \"a\" is no name of a toggle"),
            (json!({"toggles": [{"fraction": 1}]}), "/toggles/0: member 'id' is missing"),
            (
                json!({"toggles": [{"id": "com.a", "fraction": 1}, {"id": "com.a", "fraction": 0}]}),
                "/toggles/1: toggle is there twice, as element 0 as well: com.a",
            ),
        ] {
            let problems = ToggleFile::parse(&document, ToggleFileKind::Service).usable().unwrap_err().0;
            assert!(problems.iter().any(|problem| problem.to_string().contains(told)), "{problems:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_says_whose_it_is() {
        let kinds = ["com.lib.json", "com.lib-prod.json", "com.lib-service.json", "com.lib-service-prod.json"];
        let (library, service) = (ToggleFileKind::Library, ToggleFileKind::Service);
        assert_eq!(kinds.map(ToggleFileKind::of_file_name), [library, library, service, service]);
    }
}
