//! `decider.yml` as its authors write it.

use super::AVAILABILITY_MAX;
use crate::{
    Moment, Parsed,
    reading::{Reading, shown},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 256;

/// What a value is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeciderKind {
    /// Ten-thousandths of recipients that are in.
    #[default]
    Gate,
    /// A number: a threshold, a time, a factor.
    Int,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeciderRecord {
    /// `default_availability`.
    pub value: i64,
    /// `kind`, where it is said.
    pub kind: Option<DeciderKind>,
    /// Whom to ask.
    pub owner: Option<String>,
    /// From when on the key should be gone. Its value stays: only lints look at it.
    pub expires: Option<Moment>,
    /// What it is for.
    pub comment: Option<String>,
}

/// One file, a base or an overlay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeciderFile {
    /// Records by key.
    pub records: BTreeMap<String, DeciderRecord>,
}

impl DeciderFile {
    /// Reads a parsed document. An empty one has no keys.
    ///
    /// ```
    /// use configbus_switches::decider::DeciderFile;
    /// let file = DeciderFile::parse(&serde_json::json!({"new-db": {"default_availability": 2500}}));
    /// assert_eq!(file.usable()?.records["new-db"].value, 2500);
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn parse(document: &Value) -> Parsed<Self> {
        let mut reading = Reading::default();
        if document.is_null() {
            return reading.finish(Some(Self::default()));
        }
        let mapping = reading.mapping(document);
        let records = mapping.into_iter().flatten().filter_map(|(key, value)| {
            reading.within(key, |reading| {
                check_key(reading, key);
                Some((key.clone(), record(reading, value)?))
            })
        });
        let file = Self { records: records.collect() };
        reading.finish(Some(file))
    }
}

/// Keys are snake_case mostly, but hyphens, CamelCase and names of endpoints occur, so little is asked of them.
fn check_key(reading: &mut Reading, key: &str) {
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let found = key.chars().take(40).collect::<String>();
        reading.wrong("key of a decider has spaces, or is empty or too long").found(found);
    }
}

fn record(reading: &mut Reading, value: &Value) -> Option<DeciderRecord> {
    let fields = reading.fields(value, &["default_availability", "comment", "owner", "expires", "kind"])?;
    let kinds = [("gate", DeciderKind::Gate), ("int", DeciderKind::Int)];
    let kind = reading.optional(fields, "kind", |reading, value| reading.one_of(value, &kinds));
    let value = reading.required(fields, "default_availability", |reading, value| number(reading, value, kind));
    let owned = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
    let comment = fields.get("comment").and_then(|comment| match comment {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        other => Some(shown(other)),
    });
    let owner = reading.optional(fields, "owner", owned);
    let expires = reading.optional(fields, "expires", Reading::moment);
    Some(DeciderRecord { value: value?, kind, owner, expires, comment })
}

fn number(reading: &mut Reading, value: &Value, kind: Option<DeciderKind>) -> Option<i64> {
    let is_int = kind == Some(DeciderKind::Int);
    let number = value.as_i64();
    if !is_int && number.is_none_or(|number| !(0..=AVAILABILITY_MAX).contains(&number)) {
        let expected = format!("a whole number from 0 to {AVAILABILITY_MAX}, or kind: int beside it");
        reading.wrong("availability is out of range").found(shown(value)).expected(expected);
        return None;
    }
    if number.is_none() {
        reading.expect(value, "a whole number of 64 bits");
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn yaml(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn files_as_they_are_published_are_read() {
        let file = yaml(
            "enable_new_db:\n  comment: |-\n    Writes to the new database,\n    in two lines\n  default_availability: 5000\n\
             PublishServerTweetFav:\n  default_availability: 0\n\
             load-shed-GET/statuses:\n  comment: 7\n  default_availability: 10000\n\
             warm_up_seconds: {default_availability: 86400, kind: int, owner: search, expires: 2027-01-01}\n",
        );
        let file = DeciderFile::parse(&file).flawless().unwrap();
        let values: Vec<_> = file.records.iter().map(|(key, record)| (key.as_str(), record.value)).collect();
        let expected = [
            ("PublishServerTweetFav", 0),
            ("enable_new_db", 5_000),
            ("load-shed-GET/statuses", 10_000),
            ("warm_up_seconds", 86_400),
        ];
        assert_eq!(values, expected);
        let record = &file.records["warm_up_seconds"];
        assert_eq!((record.kind, record.owner.as_deref()), (Some(DeciderKind::Int), Some("search")));
        assert_eq!(record.expires, Moment::parse("2027-01-01").ok());
        assert_eq!(file.records["load-shed-GET/statuses"].comment.as_deref(), Some("7"));
        assert_eq!(DeciderFile::parse(&Value::Null).flawless().unwrap(), DeciderFile::default());
    }

    #[test]
    fn mistakes_are_told_with_what_to_do() {
        for (document, told) in [
            (json!([]), "value is of another kind: found a list, expected a mapping"),
            (json!({"a": 5}), "/a: value is of another kind: found 5, expected a mapping"),
            (json!({"a": {}}), "/a: member 'default_availability' is missing"),
            (
                json!({"a": {"default_availability": 10_001}}),
                "/a/default_availability: availability is out of range: found 10001, expected a whole number from 0 to 10000, or kind: int beside it",
            ),
            (json!({"a": {"default_availability": 0.5, "kind": "int"}}), "expected a whole number of 64 bits"),
            (
                json!({"a": {"default_availability": 1, "kind": "gat"}}),
                "/a/kind: word is not known here: found gat, expected gate",
            ),
            (json!({"a": {"default_availability": 1, "expires": "soon"}}), "\"soon\" is no date"),
            (json!({"a b": {"default_availability": 1}}), "has spaces"),
        ] {
            let parsed = DeciderFile::parse(&document);
            assert!(parsed.problems.iter().any(|problem| problem.to_string().contains(told)), "{:?}", parsed.problems);
            assert!(parsed.usable().is_err(), "{document}");
        }
    }

    #[test]
    fn a_key_of_a_later_release_is_an_error_for_authors_only() {
        let parsed = DeciderFile::parse(&json!({"a": {"default_availability": 1, "default_availabilty": 2}}));
        assert!(parsed.clone().usable().is_ok());
        assert!(parsed.flawless().unwrap_err().to_string().contains("expected default_availability"));
    }
}
