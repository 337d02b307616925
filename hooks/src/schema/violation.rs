//! One thing a document violates, in words.

use super::{SchemaSettings, meter::Stop};
use crate::{Finding, Rule, check::Document, document::Content};
use configbus_model::at_most;
use serde_json::Value;

/// Which part of a member a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its value.
    Value,
    /// Its key, or its value if it has none.
    Key,
}

/// A violation, not yet placed in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub rule: Rule,
    pub pointer: String,
    pub part: Part,
    pub message: String,
    pub found: Option<String>,
    pub expected: Option<String>,
}

impl Violation {
    pub(super) fn new(rule: Rule, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        Self { rule, pointer, part: Part::Value, message, found: None, expected: None }
    }

    pub(super) fn at_key(self) -> Self {
        Self { part: Part::Key, ..self }
    }

    pub(super) fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// Says that an evaluation was stopped.
    pub(super) fn stopped(stop: Stop, settings: &SchemaSettings) -> Self {
        match stop {
            Stop::TooLong => {
                let (message, max) = (
                    "checking against the schema takes too long; simplify the schema or split the file",
                    settings.time_ms_max,
                );
                Self::new(Rule::SchemaCost, "", message)
                    .found(format!("more than {max} ms, or as many steps"))
                    .expected(at_most(max, "ms", "gate.schemas.time_ms_max"))
            }
            Stop::TooDeep => {
                let message = "checking against the schema nests too deep; let the schema refer to itself less";
                Self::new(Rule::SchemaCost, "", message)
            }
            Stop::LongText => {
                let message = "schema has a pattern that may backtrack, and a text is too long to try it on; write it without \
                               lookaround and back-references, or shorten the text";
                let max = settings.pattern_text_bytes_max;
                Self::new(Rule::SchemaPatternCost, "", message)
                    .found(format!("more than {max} bytes"))
                    .expected(at_most(max, "bytes", "gate.schemas.pattern_text_bytes_max"))
            }
            Stop::Failed => Self::new(
                Rule::CheckFailed,
                "",
                "the check against the schema failed, so the file is refused; please report it as a defect",
            ),
        }
    }

    /// Adds by how much a pattern that was given up is over its limit, which the library does not tell.
    pub(super) fn with_limit(self, settings: &SchemaSettings) -> Self {
        if self.rule != Rule::SchemaPatternCost || self.expected.is_some() {
            return self;
        }
        let max = settings.pattern_steps_max;
        let expected = at_most(max, "steps", "gate.schemas.pattern_steps_max");
        self.found(format!("more than {max} steps")).expected(expected)
    }

    /// Says that something is wrong where nothing can be told of it.
    pub(super) fn unexplained() -> Self {
        Self::new(Rule::SchemaNoMatch, "", "document does not satisfy the schema, in too many ways to tell")
    }

    /// Places it in a file.
    pub(crate) fn into_finding(self, document: &Document<'_>, content: &Content<'_>, index: usize) -> Finding {
        let place = content.place(index, &self.pointer);
        let offset = place.map(|place| match self.part {
            Part::Value => place.value,
            Part::Key => place.key.unwrap_or(place.value),
        });
        let finding = match offset {
            Some(offset) => document.finding_at(self.rule, offset, &*self.message),
            None => document.finding(self.rule, &*self.message),
        };
        self.describe(finding).pointing(self.pointer)
    }

    /// Adds what is there and what would be right.
    pub(super) fn describe(&self, finding: Finding) -> Finding {
        let finding = match &self.found {
            Some(found) => finding.found(found),
            None => finding,
        };
        match &self.expected {
            Some(expected) => finding.expected(expected),
            None => finding,
        }
    }
}

/// Returns a value in few words.
pub(super) fn brief(value: &Value) -> String {
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    match value {
        Value::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Value::Object(members) => format!("an object with {}", count(members.len(), "member", "members")),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) => format!("a list of {}", count(items.len(), "item", "items")),
        Value::String(text) => quoted(text),
        scalar => scalar.to_string(),
    }
}

/// Returns a text in quotes; only as much of it as a finding shows.
pub(super) fn quoted(text: &str) -> String {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    Value::from(&text[..end]).to_string()
}

/// More than a finding shows.
const TEXT_CHARS_MAX: usize = 200;
