//! One experiment as its authors write it.

use super::{
    range::{Dealing, Range, ranges, shuffle},
    variant::{Variant, Variants},
};
use crate::{
    Moment, Parsed, TARGETING_KEY,
    feature::condition,
    logic::{Expr, Scope},
    reading::{Reading, nearest},
};
use serde_json::Value;
use std::sync::Arc;

/// One experiment, before it is known what it shares with others.
#[derive(Debug, Clone)]
pub struct ExperimentFile {
    pub(super) key: Box<str>,
    /// Whom to ask.
    pub owner: String,
    /// Whose it is.
    pub team: Option<String>,
    /// Whether it is turned off, whatever else it says.
    pub is_off: bool,
    /// When it begins.
    pub start: Option<Moment>,
    /// When it is over.
    pub stop: Option<Moment>,
    pub(super) overrides: Vec<Override>,
    pub(super) condition: Option<Expr>,
    pub(super) holdouts: Vec<String>,
    pub(super) layer: Option<Place>,
    pub(super) dealing: Dealing,
    pub(super) variants: Variants,
}

/// Where in a layer an experiment is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub name: String,
    pub ranges: Box<[Range]>,
}

/// Gives a variant to those who are named, whatever buckets they stand in.
#[derive(Debug, Clone)]
pub(super) struct Override {
    condition: Expr,
    pub variant: Arc<Variant>,
}

impl Override {
    #[inline]
    pub(super) fn matches(&self, scope: &Scope<'_>) -> bool {
        self.condition.is_true(scope)
    }
}

impl ExperimentFile {
    /// Reads a parsed document. The key comes from where the file stands.
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        let mut reading = Reading::default();
        let file = parse(&mut reading, key, document);
        reading.finish(file)
    }

    /// Returns its name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns its variants.
    pub fn variants(&self) -> impl Iterator<Item = &Variant> {
        self.variants.iter().map(|variant| &**variant)
    }

    /// Returns the layer it is in.
    pub fn layer(&self) -> Option<&str> {
        self.layer.as_ref().map(|place| place.name.as_str())
    }

    /// Returns whether there is a moment at which both run.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let ends_before =
            |stop: Option<Moment>, start: Option<Moment>| stop.zip(start).is_some_and(|(stop, start)| stop <= start);
        !ends_before(self.stop, other.start) && !ends_before(other.stop, self.start)
    }
}

fn parse(reading: &mut Reading, key: &str, document: &Value) -> Option<ExperimentFile> {
    let known = [
        "description",
        "holdouts",
        "layer",
        "off",
        "overrides",
        "owner",
        "salt",
        "shuffle",
        "start",
        "stop",
        "team",
        "unit",
        "variants",
        "when",
    ];
    let fields = reading.fields(document, &known)?;
    let text = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
    let owner = reading.required(fields, "owner", text);
    let team = reading.optional(fields, "team", text);
    reading.optional(fields, "description", Reading::text);
    let is_off = reading.optional(fields, "off", Reading::boolean).unwrap_or(false);
    let start = reading.optional(fields, "start", Reading::moment);
    let stop = reading.optional(fields, "stop", |reading, value| {
        let stop = reading.moment(value)?;
        if start.is_some_and(|start| stop <= start) {
            reading.wrong("experiment stops before it starts").found(value.as_str().unwrap_or_default());
        }
        Some(stop)
    });
    let unit = reading.optional(fields, "unit", Reading::text).unwrap_or(TARGETING_KEY);
    let salt = reading.optional(fields, "salt", Reading::text).unwrap_or(key);
    let shuffle = reading.optional(fields, "shuffle", shuffle).unwrap_or(1);
    let dealing = Dealing::new("experiment", salt, shuffle, unit);
    let when = fields.get("when").map(|when| reading.within("when", |reading| condition::parse(reading, when)));
    let layer = reading.optional(fields, "layer", place);
    let holdouts =
        reading.optional(fields, "holdouts", |reading, value| reading.elements(value, text)).unwrap_or_default();
    let variants = reading.required(fields, "variants", |reading, value| Variants::parse(reading, value, dealing.salt));
    let variants = variants?;
    let overrides = reading.optional(fields, "overrides", |reading, value| {
        reading.elements(value, |reading, value| forced(reading, value, &variants))
    });
    let condition = match when {
        Some(condition) => Some(condition?),
        None => None,
    };
    let overrides = overrides.unwrap_or_default();
    let (key, owner) = (key.into(), owner?);
    Some(ExperimentFile {
        key,
        owner,
        team,
        is_off,
        start,
        stop,
        overrides,
        condition,
        holdouts,
        layer,
        dealing,
        variants,
    })
}

/// Reads which buckets of which layer it has.
fn place(reading: &mut Reading, value: &Value) -> Option<Place> {
    let fields = reading.fields(value, &["name", "range"])?;
    let name = reading.required(fields, "name", |reading, value| reading.text(value).map(str::to_owned));
    let ranges = reading.required(fields, "range", ranges);
    Some(Place { name: name?, ranges: ranges? })
}

fn forced(reading: &mut Reading, value: &Value, variants: &Variants) -> Option<Override> {
    let fields = reading.fields(value, &["variant", "when"])?;
    let condition = reading.required(fields, "when", condition::parse);
    let variant = reading.required(fields, "variant", |reading, value| {
        let name = reading.text(value)?;
        let variant = variants.named(name).cloned();
        if variant.is_none() {
            let known: Vec<_> = variants.iter().map(|variant| &*variant.name).collect();
            let expected = nearest(name, &known).map_or_else(|| known.join(", "), str::to_owned);
            reading.wrong("experiment has no such variant").found(name).expected(expected);
        }
        variant
    });
    Some(Override { condition: condition?, variant: variant? })
}
