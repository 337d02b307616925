//! What experiments have in common: layers, in which they exclude each other, and holdouts, which none of them touches.

use super::range::{Dealing, Range, ranges, shuffle};
use crate::{
    Parsed, TARGETING_KEY,
    reading::{Reading, nearest},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Key of the file of layers and holdouts, beside experiments.
pub const LAYERS_KEY: &str = "layers";

/// A layer: each unit stands in one bucket of it, and each experiment of it has buckets of its own.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub owner: Option<String>,
    pub dealing: Dealing,
    pub holdouts: Vec<String>,
}

/// A holdout: units that are kept out, to be compared with.
#[derive(Debug, Clone)]
pub(super) struct Holdout {
    pub name: Box<str>,
    pub owner: Option<String>,
    pub dealing: Dealing,
    pub ranges: Box<[Range]>,
}

/// The file of layers and holdouts.
#[derive(Debug, Clone, Default)]
pub struct LayersFile {
    pub(super) layers: BTreeMap<String, Layer>,
    pub(super) holdouts: BTreeMap<String, Holdout>,
}

impl LayersFile {
    /// Reads a parsed document. An empty one has neither layers nor holdouts.
    pub fn parse(document: &Value) -> Parsed<Self> {
        let mut reading = Reading::default();
        if document.is_null() {
            return reading.finish(Some(Self::default()));
        }
        let file = parse(&mut reading, document);
        reading.finish(file)
    }

    /// Returns the names of layers.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }

    /// Returns the names of holdouts.
    pub fn holdouts(&self) -> impl Iterator<Item = &str> {
        self.holdouts.keys().map(String::as_str)
    }
}

fn parse(reading: &mut Reading, document: &Value) -> Option<LayersFile> {
    let fields = reading.fields(document, &["holdouts", "layers"])?;
    let holdouts = reading.optional(fields, "holdouts", |reading, value| named(reading, value, holdout));
    let holdouts = holdouts.unwrap_or_default();
    let layers = reading.optional(fields, "layers", |reading, value| {
        named(reading, value, |reading, name, value| layer(reading, name, value, &holdouts))
    });
    Some(LayersFile { layers: layers.unwrap_or_default(), holdouts })
}

fn named<T>(
    reading: &mut Reading,
    value: &Value,
    mut read: impl FnMut(&mut Reading, &str, &Value) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let members = reading.mapping(value)?;
    let one = |(name, value): (&String, &Value)| {
        Some((name.clone(), reading.within(name, |reading| read(reading, name, value))?))
    };
    Some(members.iter().filter_map(one).collect())
}

fn layer(reading: &mut Reading, name: &str, value: &Value, known: &BTreeMap<String, Holdout>) -> Option<Layer> {
    let fields = reading.fields(value, &["description", "holdouts", "owner", "shuffle", "unit"])?;
    let (owner, dealing) = (owner(reading, fields), dealing(reading, fields, "layer", name));
    let holdouts = reading.optional(fields, "holdouts", |reading, value| {
        reading.elements(value, |reading, value| {
            let name = reading.text(value)?;
            check_holdout(reading, name, known);
            Some(name.to_owned())
        })
    });
    Some(Layer { owner, dealing, holdouts: holdouts.unwrap_or_default() })
}

fn holdout(reading: &mut Reading, name: &str, value: &Value) -> Option<Holdout> {
    let fields = reading.fields(value, &["description", "owner", "range", "shuffle", "unit"])?;
    let (owner, dealing) = (owner(reading, fields), dealing(reading, fields, "holdout", name));
    let ranges = reading.required(fields, "range", ranges)?;
    Some(Holdout { name: name.into(), owner, dealing, ranges })
}

fn owner(reading: &mut Reading, fields: &Map<String, Value>) -> Option<String> {
    reading.optional(fields, "owner", |reading, value| reading.text(value).map(str::to_owned))
}

fn dealing(reading: &mut Reading, fields: &Map<String, Value>, kind: &str, name: &str) -> Dealing {
    reading.optional(fields, "description", Reading::text);
    let unit = reading.optional(fields, "unit", Reading::text).unwrap_or(TARGETING_KEY);
    let shuffle = reading.optional(fields, "shuffle", shuffle).unwrap_or(1);
    Dealing::new(kind, name, shuffle, unit)
}

/// Adds that there is no such holdout, if there is none.
pub(super) fn check_holdout(reading: &mut Reading, name: &str, known: &BTreeMap<String, Holdout>) {
    if !known.contains_key(name) {
        unknown(reading, "holdout", name, known.keys());
    }
}

/// Adds that there is nothing of this name.
pub(super) fn unknown<'k>(reading: &mut Reading, kind: &str, name: &str, known: impl Iterator<Item = &'k String>) {
    let known: Vec<_> = known.map(String::as_str).collect();
    let listed = match known.is_empty() {
        true => format!("a {kind} of the file '{LAYERS_KEY}' beside experiments"),
        false => known.join(", "),
    };
    let expected = nearest(name, &known).map_or(listed, str::to_owned);
    reading.wrong(format!("there is no such {kind}")).found(name).expected(expected);
}
