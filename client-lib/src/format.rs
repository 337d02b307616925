//! Typed parsing by extension, with the place of what is wrong.

use configbus_model::ConfigPath;
use serde::de::DeserializeOwned;
use std::{fmt, str};

/// Deepest nesting that is parsed; the gate refuses deeper documents.
const DEPTH_MAX: usize = 128;
/// Most YAML nodes and events: above what the largest accepted file can hold without aliases.
const YAML_NODES_MAX: usize = 1_500_000;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.json`
    Json,
    /// `.yaml` or `.yml`: YAML 1.2 with merge keys, one document.
    Yaml,
    /// `.toml`
    Toml,
}

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

/// A document is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// Where, if the parser can tell.
    pub place: Option<Place>,
    /// What is wrong. May quote the document.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Format {
    /// Returns the format that an extension stands for.
    pub fn of(path: &ConfigPath) -> Option<Self> {
        match path.extension()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// Parses a document.
    ///
    /// ```
    /// use configbus_client::Format;
    ///
    /// let numbers: Vec<u32> = Format::Json.parse(b"[1, 2]").unwrap();
    /// assert_eq!(numbers, [1, 2]);
    /// let error = Format::Json.parse::<Vec<u32>>(b"[1,\n 2,]").unwrap_err();
    /// assert_eq!(error.place.unwrap().line, 2);
    /// ```
    pub fn parse<T: DeserializeOwned>(self, content: &[u8]) -> Result<T, ParseError> {
        let text = text_of(content)?;
        // Some editors write a byte order mark; no parser wants it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Json => serde_json::from_str(text).map_err(|error| json_error(&error)),
            Self::Yaml => parse_yaml(text),
            Self::Toml => toml::from_str(text).map_err(|error| toml_error(text, &error)),
        }
    }
}

/// Reads content as text.
pub(crate) fn text_of(content: &[u8]) -> Result<&str, ParseError> {
    str::from_utf8(content).map_err(|error| {
        let valid = &content[..error.valid_up_to()];
        let place = Some(place_of(&String::from_utf8_lossy(valid), valid.len()));
        ParseError { place, message: "it is not valid UTF-8".to_owned() }
    })
}

fn place_of(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
    Place { line, column: before[line_start..].chars().count() as u64 + 1 }
}

fn json_error(error: &serde_json::Error) -> ParseError {
    let (line, column) = (error.line() as u64, error.column() as u64);
    let text = error.to_string();
    let suffix = format!(" at line {line} column {column}");
    let message = text.strip_suffix(&suffix).unwrap_or(&text).to_owned();
    ParseError { place: (line > 0).then_some(Place { line, column: column.max(1) }), message }
}

fn parse_yaml<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: YAML_NODES_MAX,
            max_events: YAML_NODES_MAX,
            // One anchor used a thousand times is ordinary; what aliases may copy is bounded all the same.
            enforce_alias_anchor_ratio: false,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map(|at| Place { line: at.line(), column: at.column() });
        ParseError { place, message: error.without_snippet().to_string() }
    })
}

fn toml_error(text: &str, error: &toml::de::Error) -> ParseError {
    let place = error.span().map(|span| place_of(text, span.start));
    ParseError { place, message: error.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Limits {
        limit: u64,
        name: String,
    }

    fn parse(format: Format, text: &str) -> Result<Limits, ParseError> {
        format.parse(text.as_bytes())
    }

    #[test]
    fn all_formats_give_the_same_value() {
        let expected = Limits { limit: u64::MAX, name: "no".to_owned() };
        let json = r#"{"limit": 18446744073709551615, "name": "no"}"#;
        assert_eq!(parse(Format::Json, json), Ok(expected));
        let expected = Limits { limit: 7, name: "no".to_owned() };
        assert_eq!(parse(Format::Yaml, "\u{feff}limit: 7\nname: no\n").as_ref(), Ok(&expected));
        assert_eq!(parse(Format::Toml, "limit = 7\nname = \"no\"\n"), Ok(expected));
    }

    #[test]
    fn every_error_names_its_place() {
        let place = |format, text| parse(format, text).unwrap_err().place.unwrap();
        assert_eq!(place(Format::Json, "{\n  \"limit\": x}"), Place { line: 2, column: 12 });
        assert_eq!(place(Format::Json, "{\"limit\": 1,\n \"name\": 3}").line, 2);
        assert_eq!(place(Format::Yaml, "name: a\nlimit: many\n"), Place { line: 2, column: 8 });
        assert_eq!(place(Format::Yaml, "name: a\nlimit: 1\nname: b\n").line, 3);
        assert_eq!(place(Format::Toml, "name = \"a\"\nlimit = many\n"), Place { line: 2, column: 9 });
        assert_eq!(Format::Json.parse::<u8>(b"1\n\xff").unwrap_err().place, Some(Place { line: 2, column: 1 }));
    }

    #[test]
    fn messages_do_not_repeat_the_place() {
        for (format, text) in [(Format::Json, "{"), (Format::Yaml, "a: [1\nb: 2"), (Format::Toml, "limit = \n")] {
            let message = parse(format, text).unwrap_err().message;
            assert!(!message.is_empty() && !message.contains("line 1") && !message.contains('\n'), "{message:?}");
        }
    }

    #[test]
    fn one_anchor_may_be_used_often() {
        let text = format!("- &base {{limit: 1}}\n{}", "- {<<: *base, name: a}\n".repeat(1_000));
        let parsed: Vec<serde_json::Value> = Format::Yaml.parse(text.as_bytes()).unwrap();
        assert_eq!(parsed[1_000], serde_json::json!({ "limit": 1, "name": "a" }));
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_refused() {
        let deep = "[".repeat(100_000);
        assert!(Format::Yaml.parse::<serde::de::IgnoredAny>(deep.as_bytes()).is_err());
        assert!(Format::Json.parse::<serde_json::Value>(deep.as_bytes()).is_err());
        let level = |name: char, of: char| format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 10].join(","));
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        bomb.extend("bcdefgh".chars().zip("abcdefg".chars()).map(|(name, of)| level(name, of)));
        assert!(Format::Yaml.parse::<serde::de::IgnoredAny>(bomb.as_bytes()).is_err());
    }
}
