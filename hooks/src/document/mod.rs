//! Parsed documents: the values of a JSON, YAML or TOML file as one kind of tree, and where each of them stands.
//!
//! Schemas and rules look at values, people look at lines. Values are read first; places are found by reading the file a
//! second time when the first finding needs one, so that a file without findings never pays for them. Both readings are
//! the same code with another [`Build`], so that they cannot disagree.
//!
//! Readers here expect a file in which the checks of syntax found nothing; of any other they may return nothing.

mod build;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod json;
mod scalar;
mod spot;
mod toml;
mod yaml;

use crate::syntax;
use build::{Build, Values};
use serde_json::Value;
use spot::{Spot, Spots};
use std::cell::OnceCell;
pub(crate) use yaml::kind_of;

/// How the documents of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// One document.
    Json,
    /// Any number of documents.
    Yaml,
    /// One document, always a table.
    Toml,
}

impl Format {
    /// Returns the format that a path's extension promises.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let formats = [(Self::Json, &["json"] as &[&str]), (Self::Yaml, &["yaml", "yml"]), (Self::Toml, &["toml"])];
        formats.into_iter().find(|(_, extensions)| syntax::has_extension(path, extensions)).map(|(format, _)| format)
    }

    fn read<B: Build>(self, text: &str, build: &B) -> Option<Vec<B::Node>> {
        match self {
            Self::Json => json::read(text, build).map(|document| vec![document]),
            Self::Yaml => yaml::read(text, build),
            Self::Toml => toml::read(text, build).map(|document| vec![document]),
        }
    }
}

/// Where a value stands, in bytes from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValuePlace {
    /// Where the value begins.
    pub value: usize,
    /// Where its key begins, if it is the member of a mapping.
    pub key: Option<usize>,
}

/// The documents of one file.
#[derive(Debug)]
pub(crate) struct Content<'t> {
    format: Format,
    text: &'t str,
    values: Vec<Value>,
    spots: OnceCell<Vec<Spot>>,
}

impl<'t> Content<'t> {
    /// Reads a file whose syntax is right. A YAML file without any document holds one that is null, as readers see it.
    pub(crate) fn read(format: Format, text: &'t str) -> Option<Self> {
        let mut values = format.read(text, &Values)?;
        if values.is_empty() {
            values.push(Value::Null);
        }
        Some(Self { format, text, values, spots: OnceCell::new() })
    }

    /// Returns the value of each document.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the value of each document, without the text.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Returns where the value at a JSON pointer stands. Of a value that an alias brings in it is where it is written.
    pub(crate) fn place(&self, document: usize, pointer: &str) -> Option<ValuePlace> {
        let spots = self.spots.get_or_init(|| self.format.read(self.text, &Spots).unwrap_or_default());
        spots.get(document)?.find(pointer)
    }
}

#[cfg(test)]
mod tests;
