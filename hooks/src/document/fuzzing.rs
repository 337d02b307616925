//! What must hold for any JSON, YAML or TOML: nothing is accepted that hosts refuse, they read the same values, and each
//! value stands where it is said to stand.

use super::{Content, Format, ValuePlace, scalar};
use crate::{
    Finding, Rule,
    check::{Check, Document, Findings},
    fuzzing::{DEPTH_MAX, Usual, check_told, usual_yaml},
    syntax,
};
use serde_json::{Number, Value};

/// Values of one file whose places are looked at.
const PLACES_MAX: usize = 200;

/// Holds the JSON reader to what `serde_json` says.
pub fn json(data: &[u8]) {
    let found = found(&syntax::Json { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }, "a.json", data);
    let usual = serde_json::from_slice::<Value>(data);
    if !found.is_empty() {
        let stricter = [Rule::JsonDuplicateKey, Rule::JsonNumber];
        assert!(usual.is_err() || found.iter().all(|finding| stricter.contains(&finding.rule)), "{usual:?} {found:?}");
        return;
    }
    let (usual, text) = (usual.expect("hosts read what is accepted"), accepted_text(data));
    let content = Content::read(Format::Json, text).expect("what is accepted is read");
    assert_eq!(content.values(), std::slice::from_ref(&usual));
    each_place(&content, 0, &usual, &mut |key, value, place| {
        let written = serde_json::Deserializer::from_str(&text[place.value..]).into_iter::<Value>().next();
        assert_eq!(written.expect("a value stands there").expect("it is JSON"), *value);
        assert_eq!(place.key.is_some(), key.is_some());
        if let Some((key, at)) = key.zip(place.key) {
            let written = serde_json::Deserializer::from_str(&text[at..]).into_iter::<String>().next();
            assert_eq!(written.expect("a key stands there").expect("it is JSON"), key);
        }
    });
}

/// Holds the TOML reader to what `toml` says.
pub fn toml(data: &[u8]) {
    let found = found(&syntax::Toml { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }, "a.toml", data);
    let usual = std::str::from_utf8(data).ok().and_then(|text| ::toml::from_str::<::toml::Table>(text).ok());
    let Some(usual) = usual.filter(|_| found.is_empty()) else {
        let is_stricter = found
            .iter()
            .all(|finding| [Rule::ByteOrderMark, Rule::TomlDepth, Rule::TomlNumber].contains(&finding.rule));
        assert!(!found.is_empty() && (is_stricter || !is_toml(data)), "{found:?}");
        return;
    };
    let usual = Value::Object(usual.iter().map(|(key, value)| (key.clone(), of_toml(value))).collect());
    let text = accepted_text(data);
    let content = Content::read(Format::Toml, text).expect("what is accepted is read");
    assert_eq!(content.values(), std::slice::from_ref(&usual));
    each_place(&content, 0, &usual, &mut |key, _, place| {
        if let Some((key, at)) = key.zip(place.key) {
            let is_quoted = text[at..].starts_with(['"', '\'']);
            assert!(is_quoted || text[at..].starts_with(key), "{key:?} is not at {at} of {text:?}");
        }
    });
}

fn is_toml(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| ::toml::from_str::<::toml::Table>(text).is_ok())
}

fn of_toml(value: &::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => text.clone().into(),
        ::toml::Value::Integer(integer) => Number::from(*integer).into(),
        ::toml::Value::Float(float) => scalar::float(*float),
        ::toml::Value::Boolean(boolean) => (*boolean).into(),
        ::toml::Value::Datetime(datetime) => datetime.to_string().into(),
        ::toml::Value::Array(items) => items.iter().map(of_toml).collect(),
        ::toml::Value::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), of_toml(value))).collect())
        }
    }
}

/// Holds the YAML reader to what the reader of Rust hosts says.
pub fn yaml(data: &[u8]) {
    let found = found(&syntax::Yaml { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }, "a.yaml", data);
    let usual = std::str::from_utf8(data).map_err(|error| error.to_string());
    let usual = usual.and_then(|text| usual_yaml(text, DEPTH_MAX));
    if !found.is_empty() {
        let stricter = [
            Rule::YamlDuplicateKey,
            Rule::YamlNumber,
            Rule::YamlAmbiguous,
            Rule::YamlAliases,
            Rule::YamlDepth,
            Rule::YamlSyntax,
            Rule::ByteOrderMark,
        ];
        assert!(usual.is_err() || found.iter().all(|finding| stricter.contains(&finding.rule)), "{found:?}");
        return;
    }
    let (usual, text) = (usual.expect("hosts read what is accepted"), accepted_text(data));
    let content = Content::read(Format::Yaml, text).expect("what is accepted is read");
    let values = content.values();
    // The reader of Rust hosts passes over documents that are null; the gate holds them to schemas and rules like any other.
    let usual: Vec<_> = usual.iter().filter(|usual| **usual != Usual::Null).collect();
    let told: Vec<_> = values.iter().filter(|value| !value.is_null()).collect();
    let is_same = usual.len() == told.len() && usual.iter().zip(told).all(|(usual, value)| usual.is_read_as(value));
    assert!(is_same, "hosts read {usual:?}, the gate {values:?}");
    for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
        each_place(&content, index, value, &mut |_, _, place| {
            let places = [Some(place.value), place.key];
            assert!(places.into_iter().flatten().all(|at| text.is_char_boundary(at)), "{place:?}");
        });
    }
}

fn found(check: &dyn Check, path: &str, data: &[u8]) -> Vec<Finding> {
    let mut findings = Findings::default();
    check.check(&Document::new(path, data), &mut findings);
    let (found, _) = findings.into_parts();
    check_told(data, &found);
    found
}

fn accepted_text(data: &[u8]) -> &str {
    std::str::from_utf8(data).expect("what is accepted is text")
}

/// Visits values with their key, if they have one, and their place.
fn each_place(
    content: &Content<'_>,
    document: usize,
    value: &Value,
    visit: &mut dyn FnMut(Option<&str>, &Value, ValuePlace),
) {
    let mut waiting = vec![(String::new(), None, value)];
    let mut left = PLACES_MAX;
    while let Some((pointer, key, value)) = waiting.pop() {
        let place = content.place(document, &pointer);
        let place = place.unwrap_or_else(|| panic!("value at {pointer:?} stands nowhere"));
        assert!(place.value <= content.text.len() && place.key.is_none_or(|at| at <= content.text.len()), "{place:?}");
        visit(key, value, place);
        left -= 1;
        if left == 0 {
            return;
        }
        match value {
            Value::Array(items) => {
                waiting.extend(items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), None, item)));
            }
            Value::Object(members) => waiting.extend(members.iter().map(|(key, value)| {
                let step = key.replace('~', "~0").replace('/', "~1");
                (format!("{pointer}/{step}"), Some(key.as_str()), value)
            })),
            _ => {}
        }
    }
}
