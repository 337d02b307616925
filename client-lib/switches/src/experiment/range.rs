//! Buckets, and ranges of them.

use crate::{
    Attribute, Context, Id,
    hash::xxh64,
    reading::{Reading, shown},
};
use serde_json::Value;
use std::fmt;

/// Everybody, in the grain of ranges: thousandths of one per cent.
const ALL: u32 = 100_000;

/// Where a unit stands, in thousandths of one per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(pub(super) u32);

impl Bucket {
    /// Returns thousandths of one per cent, 0 to 99999.
    pub const fn thousandths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} %", self.0 / 1_000, self.0 % 1_000)
    }
}

/// Buckets from one on and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    from: u32,
    to: u32,
}

impl Range {
    pub(super) const fn contains(self, bucket: Bucket) -> bool {
        self.from <= bucket.0 && bucket.0 < self.to
    }

    pub(super) const fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to && self.from < self.to && other.from < other.to
    }

    /// Returns how many buckets it has.
    const fn width(self) -> u32 {
        self.to.saturating_sub(self.from)
    }

    /// Reads `[from, to]` in per cent.
    fn parse(reading: &mut Reading, value: &Value) -> Option<Self> {
        let expected = "[from, to] in per cent, such as [0, 12.5]";
        let Some([from, to]) = value.as_array().map(Vec::as_slice) else {
            reading.expect(value, expected);
            return None;
        };
        let mut end = |at, value| reading.at(at, |reading| reading.number(value, 0.0, 100.0));
        let (from, to) = (end(0, from)?, end(1, to)?);
        if from > to {
            reading.wrong("range ends before it begins").found(format!("{from} to {to}")).expected(expected);
            return None;
        }
        let grain = |percent: f64| (percent * 1_000.0).round() as u32;
        Some(Self { from: grain(from), to: grain(to).min(ALL) })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |thousandths: u32| f64::from(thousandths) / 1_000.0;
        write!(f, "{} to {}", percent(self.from), percent(self.to))
    }
}

/// What ranges leave of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    Nobody,
    Some,
    Everybody,
}

/// Returns whom ranges hold together.
pub(super) fn cover(ranges: impl IntoIterator<Item = Range>) -> Cover {
    let mut ranges: Vec<_> = ranges.into_iter().filter(|range| range.width() > 0).collect();
    ranges.sort_unstable();
    let end = ranges.iter().fold(0, |end, range| if range.from <= end { end.max(range.to) } else { end });
    match end {
        _ if ranges.is_empty() => Cover::Nobody,
        ALL => Cover::Everybody,
        _ => Cover::Some,
    }
}

/// Reads one range, or a list of them.
pub(super) fn ranges(reading: &mut Reading, value: &Value) -> Option<Box<[Range]>> {
    let is_list = value.as_array().is_some_and(|items| items.iter().all(Value::is_array));
    let ranges = if is_list { reading.elements(value, Range::parse)? } else { vec![Range::parse(reading, value)?] };
    Some(ranges.into())
}

/// Reads the number by which everybody can be dealt anew.
pub(super) fn shuffle(reading: &mut Reading, value: &Value) -> Option<u64> {
    let shuffle = value.as_u64();
    if shuffle.is_none() {
        reading.wrong("shuffle version is no whole number").found(shown(value)).expected("0, 1, 2, …");
    }
    shuffle
}

/// What puts a unit into a bucket.
#[derive(Debug, Clone)]
pub(super) struct Dealing {
    /// The attribute that counts.
    pub unit: Box<str>,
    pub salt: u64,
}

impl Dealing {
    /// The frozen definition: `salt = XXH64(kind + ":" + name + ":" + shuffle)`, `hash = XXH64(id, salt)`, `bucket = hash * 100000 / 2^64`.
    pub(super) fn new(kind: &str, name: &str, shuffle: u64, unit: &str) -> Self {
        Self { unit: unit.into(), salt: xxh64(0, format!("{kind}:{name}:{shuffle}").as_bytes()) }
    }

    /// Returns the unit of a context; `None` for what identifies nobody.
    #[inline]
    pub(super) fn id<'a>(&self, context: &Context<'a>) -> Option<Id<'a>> {
        context.get(&self.unit).and_then(Attribute::id)
    }

    #[inline]
    pub(super) fn bucket_of(&self, id: Id<'_>) -> Bucket {
        Bucket(((u128::from(id.hash(self.salt)) * u128::from(ALL)) >> 64) as u32)
    }

    #[inline]
    pub(super) fn bucket(&self, context: &Context<'_>) -> Option<Bucket> {
        self.id(context).map(|id| self.bucket_of(id))
    }
}
