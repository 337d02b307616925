//! One schema file, read.

use super::{files::SchemaFile, reference::Outline};
use crate::{
    Finding, Rule,
    check::{Check as _, Document, Findings},
    document::{Content, Format},
    syntax::{DocumentBounds, Json},
};
use bytes::Bytes;
use configbus_model::ObjectId;
use jsonschema::{Uri, uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::sync::Arc;

/// A schema and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub path: String,
    pub id: ObjectId,
    pub content: Bytes,
    pub value: Arc<Value>,
}

/// What a path keeps in a URI.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the URI of a file of the repository.
pub(super) fn uri_of(path: &str) -> String {
    format!("{SCHEME}{}", utf8_percent_encode(path, KEPT))
}

/// What URIs of files begin with.
pub(super) const SCHEME: &str = "configbus:///";

impl Loaded {
    /// Reads a file, or says why it is no JSON.
    pub(super) fn read(path: &str, file: SchemaFile) -> Result<Self, Vec<Finding>> {
        let document = Document::new(path, &file.content);
        let mut findings = Findings::default();
        Json { bounds: DocumentBounds::with_depth(DEPTH_MAX) }.check(&document, &mut findings);
        let (findings, _) = findings.into_parts();
        if !findings.is_empty() {
            return Err(findings.into_iter().map(|finding| Finding { rule: Rule::SchemaSyntax, ..finding }).collect());
        }
        let value = std::str::from_utf8(&file.content).ok().and_then(|text| Content::read(Format::Json, text));
        let value = value.and_then(|content| content.into_values().pop()).unwrap_or_default();
        Ok(Self { path: path.to_owned(), id: file.id, content: file.content, value: Arc::new(value) })
    }

    /// Returns what it refers to, seen from a URI.
    pub(super) fn outline(&self, base: &str) -> Outline {
        uri::from_str(base).map(|base: Uri<String>| Outline::of(&self.value, &base)).unwrap_or_default()
    }

    /// Returns a finding about the place at a pointer.
    pub(super) fn finding_at(&self, rule: Rule, pointer: &str, message: impl Into<String>) -> Finding {
        let document = Document::new(&self.path, &self.content);
        let text = std::str::from_utf8(&self.content).unwrap_or_default();
        let place = Content::read(Format::Json, text).and_then(|content| content.place(0, pointer));
        let finding = match place {
            Some(place) => document.finding_at(rule, place.value, message),
            None => document.finding(rule, message),
        };
        finding.pointing(pointer)
    }
}

/// Deepest nesting of a schema.
const DEPTH_MAX: usize = 128;
