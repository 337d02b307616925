//! Files of a size and shape that services have, with schemas, rules and owners for them.

use configbus_tests::git::WorkingCopy;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Files of one push.
pub(crate) const FILES: usize = 2_000;

/// Schemas, and how many files each governs.
const SCHEMAS: usize = 20;
const FILES_PER_SCHEMA: usize = 95;

/// Lines of the longest file of owners that is read.
const OWNERS_LINES: usize = 5_000;

/// What the files are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Syntax and secrets, as everything is.
    None,
    /// Schemas.
    Schemas,
    /// Schemas, and two rules for each file with one.
    Rules,
    /// Schemas, and an owners file as long as it may be.
    Owners,
}

impl Policy {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Schemas, Self::Rules, Self::Owners];

    /// Returns what it is called in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "no policy",
            Self::Schemas => "schemas",
            Self::Rules => "schemas and two rules a file",
            Self::Owners => "schemas and 5,000 lines of owners",
        }
    }
}

/// Returns how many files are held to a schema.
pub(crate) fn governed() -> usize {
    SCHEMAS * FILES_PER_SCHEMA
}

/// Writes policy, schemas and files in one of their versions.
pub(crate) fn write(copy: &WorkingCopy, policy: Policy, version: usize) {
    if version == 0 && policy != Policy::None {
        write_policy(copy, policy);
    }
    for number in 0..FILES {
        copy.write(&path_of(number), content_of(number, version));
    }
}

fn write_policy(copy: &WorkingCopy, policy: Policy) {
    let mut entries = String::new();
    for schema in 0..SCHEMAS {
        let _ = writeln!(entries, "- {{files: 'services/s{schema:02}/**', schema: {}}}", schema_path(schema));
        copy.write(&schema_path(schema), format!("{:#}\n", schema_of(schema)));
    }
    copy.write(".configbus/schemas.yaml", entries);
    if policy == Policy::Rules {
        let rules = "- files: services/**\n  rule: self.limits.cpu <= 64.0 && self.replicas < 1000\n  message: too large\n\
                     - files: services/**\n  rule: old == null || self.version >= old.version\n  message: goes back\n";
        copy.write(".configbus/rules.yaml", rules);
    }
    if policy == Policy::Owners {
        let mut owners = String::new();
        for line in 0..OWNERS_LINES {
            let _ = writeln!(owners, "/teams/t{line:04}/** team-{line}@example.com");
        }
        copy.write(".configbus/owners", owners);
    }
}

/// Returns where a schema stands.
pub(crate) fn schema_path(schema: usize) -> String {
    format!("schemas/service-{schema:02}.json")
}

/// Returns every schema with the files that are held to it.
pub(crate) fn by_schema() -> impl Iterator<Item = (String, Vec<String>)> {
    (0..SCHEMAS).map(|schema| {
        let files = (0..governed()).filter(move |number| number % SCHEMAS == schema);
        (schema_path(schema), files.map(path_of).collect())
    })
}

fn path_of(number: usize) -> String {
    let extension = ["yaml", "json", "toml"][number % 3];
    match number < governed() {
        true => format!("services/s{:02}/f{number:04}.{extension}", number % SCHEMAS),
        false => format!("notes/n{number:04}.{extension}"),
    }
}

fn content_of(number: usize, version: usize) -> String {
    let document = document_of(number, version);
    match number % 3 {
        0 => yaml(&document),
        1 => format!("{document:#}\n"),
        _ => toml(&document),
    }
}

fn document_of(number: usize, version: usize) -> Value {
    let endpoint = |at: usize| {
        let methods = ["GET", "PUT", "POST"];
        json!({"path": format!("/v1/items/{at}"), "method": methods[at % 3], "timeout_ms": 50 + at * 10, "retries": at % 4})
    };
    let mode = ["blue", "green", "canary"][number % 3];
    json!({
        "name": format!("service-{number}"),
        "version": version,
        "owner": format!("team-{}@example.com", number % 17),
        "mode": mode,
        "replicas": 3 + number % 20,
        "limits": {"cpu": 0.5 + (number % 16) as f64, "memory": format!("{}Mi", 64 * (1 + number % 32))},
        "labels": {"tier": "backend", "zone": format!("eu-{}", number % 3), "cost-center": format!("{}", number % 100)},
        "endpoints": (0..6).map(endpoint).collect::<Vec<_>>(),
    })
}

/// Schemas differ, so that each has to be compiled.
fn schema_of(schema: usize) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("service {schema}"),
        "type": "object",
        "required": ["name", "version", "owner", "mode", "replicas", "limits", "endpoints"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"},
            "version": {"type": "integer", "minimum": 0},
            "owner": {"type": "string", "pattern": "^[^@]+@example\\.com$"},
            "mode": {"enum": ["blue", "green", "canary", format!("special-{schema}")]},
            "replicas": {"type": "integer", "minimum": 1, "maximum": 500 + schema},
            "limits": {
                "type": "object",
                "required": ["cpu", "memory"],
                "properties": {
                    "cpu": {"type": "number", "exclusiveMinimum": 0, "maximum": 64},
                    "memory": {"type": "string", "pattern": "^[0-9]+(Ki|Mi|Gi)$"},
                },
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
            "endpoints": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"$ref": "#/$defs/endpoint"}},
        },
        "$defs": {
            "endpoint": {
                "type": "object",
                "required": ["path", "method"],
                "additionalProperties": false,
                "properties": {
                    "path": {"type": "string", "pattern": "^/"},
                    "method": {"enum": ["GET", "PUT", "POST", "DELETE"]},
                    "timeout_ms": {"type": "integer", "minimum": 1, "maximum": 60_000},
                    "retries": {"type": "integer", "minimum": 0, "maximum": 10},
                },
            },
        },
    })
}

/// Returns the schema of the one file that changes in a large tree.
pub(crate) fn small_schema() -> String {
    let schema = json!({
        "type": "object",
        "required": ["number", "version"],
        "properties": {"number": {"type": "integer"}, "version": {"type": "integer", "minimum": 0}, "enabled": {"type": "boolean"}},
    });
    format!("{schema:#}\n")
}

fn yaml(document: &Value) -> String {
    let lines = members(document).map(|(key, value)| match value {
        Value::Array(items) => {
            let items: String = items.iter().map(|item| format!("  - {item}\n")).collect();
            format!("{key}:\n{items}")
        }
        Value::Object(_) => {
            let below: String = members(value).map(|(key, value)| format!("  {key}: {value}\n")).collect();
            format!("{key}:\n{below}")
        }
        scalar => format!("{key}: {scalar}\n"),
    });
    lines.collect()
}

fn toml(document: &Value) -> String {
    let (mut scalars, mut tables) = (String::new(), String::new());
    for (key, value) in members(document) {
        match value {
            Value::Array(items) => tables.extend(items.iter().map(|item| format!("[[{key}]]\n{}", toml(item)))),
            Value::Object(_) => tables.push_str(&format!("[{key}]\n{}", toml(value))),
            scalar => scalars.push_str(&format!("{key} = {scalar}\n")),
        }
    }
    scalars + &tables
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
