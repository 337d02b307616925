//! What a unit can get.

use super::range::{Bucket, Range, ranges};
use crate::{
    hash::xxh64,
    reading::{Reading, shown},
};
use serde_json::Value;
use std::sync::Arc;

/// One variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// How it is called.
    pub name: Box<str>,
    /// What it means to programs; null where its name says all.
    pub value: Value,
    /// Tells exposures to it apart.
    pub(super) salt: u64,
}

/// All variants of an experiment.
#[derive(Debug, Clone)]
pub(super) struct Variants {
    all: Vec<Arc<Variant>>,
    /// In the order of buckets.
    ranges: Vec<(Range, usize)>,
}

impl Variants {
    /// Reads variants by name: the `range` of each, in which no other may have a share, and its `value`.
    pub(super) fn parse(reading: &mut Reading, value: &Value, salt: u64) -> Option<Self> {
        let members = reading.mapping(value)?;
        if members.is_empty() {
            reading.wrong("experiment has no variant");
        }
        let mut variants = Self { all: Vec::new(), ranges: Vec::new() };
        for (name, value) in members {
            reading.within(name, |reading| variants.add(reading, name, value, salt));
        }
        variants.ranges.sort_unstable();
        Some(variants)
    }

    fn add(&mut self, reading: &mut Reading, name: &str, value: &Value, salt: u64) -> Option<()> {
        if name.trim().is_empty() {
            reading.wrong("variant has no name").found(shown(&Value::from(name)));
        }
        let fields = reading.fields(value, &["description", "range", "value"])?;
        reading.optional(fields, "description", Reading::text);
        let at = self.all.len();
        let value = fields.get("value").cloned().unwrap_or_default();
        self.all.push(Arc::new(Variant { name: name.into(), value, salt: xxh64(salt, name.as_bytes()) }));
        reading.required(fields, "range", |reading, value| {
            for range in ranges(reading, value)? {
                if let Some((taken, by)) = self.ranges.iter().find(|(taken, _)| taken.overlaps(range)) {
                    let by = &self.all[*by].name;
                    reading.wrong(format!("range overlaps {taken} of variant '{by}'")).found(range.to_string());
                }
                self.ranges.push((range, at));
            }
            Some(())
        })
    }

    /// Returns who has a bucket.
    #[inline]
    pub(super) fn of(&self, bucket: Bucket) -> Option<&Arc<Variant>> {
        // A handful: looking at each is faster than any search.
        let found = self.ranges.iter().find(|(range, _)| range.contains(bucket));
        found.map(|(_, at)| &self.all[*at])
    }

    /// Returns the ranges of all, or of one.
    pub(super) fn ranges(&self, of: Option<&Variant>) -> impl Iterator<Item = Range> {
        let is_of = move |at: usize| of.is_none_or(|of| *self.all[at] == *of);
        self.ranges.iter().filter(move |(_, at)| is_of(*at)).map(|(range, _)| *range)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Variant>> {
        self.all.iter().find(|variant| &*variant.name == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Variant>> {
        self.all.iter()
    }
}
