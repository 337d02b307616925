//! One document of flags.

use super::{Flag, definition::read_metadata};
use crate::{
    Context, ErrorCode, Moment, Parsed, Resolution,
    logic::{Compiler, Generation},
    reading::Reading,
};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// What a set's metadata says of how `fractional` hashes.
const GENERATION: &str = "fractional";

/// The flags of one document.
#[derive(Debug, Clone, Default)]
pub struct FlagSet {
    /// In the order of the document.
    flags: Vec<Flag>,
    places: HashMap<Box<str>, usize>,
    metadata: Map<String, Value>,
}

impl FlagSet {
    /// Reads a parsed document.
    ///
    /// ```
    /// use configbus_switches::{Context, FlagSet, Moment};
    ///
    /// let document = serde_json::json!({"flags": {"new-cart": {
    ///     "state": "ENABLED",
    ///     "variants": {"on": true, "off": false},
    ///     "defaultVariant": "off",
    ///     "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.org"]}, "on", null]},
    /// }}});
    /// let flags = FlagSet::parse(&document).usable()?;
    /// let staff = [("email", "ada@example.org".into())];
    /// let now = Moment::from_unix_ms(0);
    /// assert_eq!(flags.resolve("new-cart", &Context::of(&staff), now).bool_or(false), Ok(true));
    /// assert_eq!(flags.resolve("new-cart", &Context::default(), now).bool_or(false), Ok(false));
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn parse(document: &Value) -> Parsed<Self> {
        let mut reading = Reading::default();
        let set = parse(&mut reading, document);
        reading.finish(set)
    }

    /// Returns whether a document is plainly meant as one, right or not.
    pub fn is_meant_by(document: &Value) -> bool {
        let flags = document.get("flags");
        flags.is_some_and(|flags| flags.is_object() || flags.is_array())
    }

    /// Returns a flag.
    #[inline]
    pub fn flag(&self, key: &str) -> Option<&Flag> {
        self.flags.get(*self.places.get(key)?)
    }

    /// Returns a flag by its place.
    #[inline]
    pub(crate) fn flag_at(&self, at: usize) -> Option<&Flag> {
        self.flags.get(at)
    }

    /// Returns all flags in the order of the document.
    pub fn flags(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter()
    }

    /// Returns what the set says about itself.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// Returns what a flag is for a context.
    #[inline]
    pub fn resolve(&self, key: &str, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        match self.flag(key) {
            Some(flag) => flag.resolve(context, now),
            None => Resolution::failed(ErrorCode::FlagNotFound, Some(&self.metadata)),
        }
    }
}

fn parse(reading: &mut Reading, document: &Value) -> Option<FlagSet> {
    let fields = reading.fields(document, &["flags", "$evaluators", "metadata", "$schema", "$comment"])?;
    let metadata = reading.optional(fields, "metadata", read_metadata).unwrap_or_default();
    let mut compiler = Compiler { generation: generation(reading, &metadata), ..Compiler::default() };
    reading.optional(fields, "$evaluators", |reading, value| evaluators(reading, value, &mut compiler));
    let flags = reading.required(fields, "flags", |reading, value| match value {
        Value::Array(items) => Some(listed(reading, items, &compiler, &metadata)),
        _ => {
            let members = reading.mapping(value)?.iter();
            let flag = |(key, value): (&String, &Value)| {
                reading.within(key, |reading| Flag::parse(reading, key, value, &compiler, &metadata))
            };
            Some(members.filter_map(flag).collect())
        }
    })?;
    let mut places = HashMap::new();
    for (at, flag) in flags.iter().enumerate() {
        // The first of a key counts, as in a daemon without a selector.
        places.entry(flag.key().into()).or_insert(at);
    }
    Some(FlagSet { flags, places, metadata })
}

/// Reads the form of the daemon, in which one key may be in several sets of flags.
fn listed(reading: &mut Reading, items: &[Value], compiler: &Compiler, metadata: &Map<String, Value>) -> Vec<Flag> {
    let flag = |(at, value): (usize, &Value)| {
        reading.at(at, |reading| {
            let fields = reading.mapping(value)?;
            let key = reading.required(fields, "key", Reading::text)?;
            Flag::parse(reading, key, value, compiler, metadata)
        })
    };
    items.iter().enumerate().filter_map(flag).collect()
}

fn generation(reading: &mut Reading, metadata: &Map<String, Value>) -> Generation {
    let Some(value) = metadata.get(GENERATION) else { return Generation::default() };
    let read = |reading: &mut Reading| reading.within(GENERATION, |reading| reading.one_of(value, &Generation::NAMES));
    reading.within("metadata", read).unwrap_or_default()
}

/// Compiles each evaluator once, however often it is used. They cannot use each other.
fn evaluators(reading: &mut Reading, value: &Value, compiler: &mut Compiler) -> Option<()> {
    let bare = Compiler { generation: compiler.generation, ..Compiler::default() };
    for (name, rule) in reading.mapping(value)? {
        let compiled = reading.within(name, |reading| bare.compile(reading, rule)).map(Arc::new);
        compiler.evaluators.insert(name.clone(), compiled);
    }
    Some(())
}
