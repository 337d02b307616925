//! To how many a rule applies, and from when.

use crate::{Context, Moment, hash::xxh64, reading::Reading};
use serde_json::Value;
use std::fmt;

/// Everybody, in the grain of percentages: thousandths of one per cent.
const ALL: u64 = 100_000;

/// A share of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share(u64);

impl Share {
    pub(super) const EVERYBODY: Self = Self(ALL);
    pub(super) const NOBODY: Self = Self(0);

    fn parse(reading: &mut Reading, value: &Value) -> Option<Self> {
        let percent = reading.number(value, 0.0, 100.0)?;
        Some(Self((percent * 1_000.0).round() as u64))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 as f64 / 1_000.0)
    }
}

/// How a share goes with time.
#[derive(Debug, Clone)]
pub(super) enum Exposure {
    /// It stays.
    Steady(Share),
    /// From each moment on it is so much; nobody before the first.
    Scheduled(Vec<(Moment, Share)>),
    /// It grows evenly between two moments.
    Ramp { from: Moment, to: Moment, start: Share, end: Share },
}

impl Exposure {
    pub(super) fn share(&self, now: Moment) -> Share {
        match self {
            Self::Steady(share) => *share,
            Self::Scheduled(steps) => {
                steps.iter().rev().find(|(at, _)| *at <= now).map_or(Share(0), |(_, share)| *share)
            }
            Self::Ramp { from, .. } if now < *from => Share(0),
            Self::Ramp { to, end, .. } if now >= *to => *end,
            Self::Ramp { from, to, start, end } => {
                let (passed, whole) = (now.unix_ms() - from.unix_ms(), to.unix_ms() - from.unix_ms());
                let grown = i128::from(end.0) - i128::from(start.0);
                let grown = grown * i128::from(passed) / i128::from(whole.max(1));
                Share((i128::from(start.0) + grown).clamp(0, i128::from(ALL)) as u64)
            }
        }
    }

    /// Returns whether it stays what it is from now on.
    pub(super) fn is_settled(&self, now: Moment) -> bool {
        match self {
            Self::Steady(_) => true,
            Self::Scheduled(steps) => steps.last().is_none_or(|(at, _)| *at <= now),
            Self::Ramp { to, .. } => *to <= now,
        }
    }

    pub(super) fn is_dated(&self) -> bool {
        !matches!(self, Self::Steady(_))
    }

    pub(super) fn percent(reading: &mut Reading, value: &Value) -> Option<Self> {
        Share::parse(reading, value).map(Self::Steady)
    }

    pub(super) fn schedule(reading: &mut Reading, value: &Value) -> Option<Self> {
        let steps = reading.elements(value, |reading, step| {
            let fields = reading.fields(step, &["at", "percent"])?;
            let at = reading.required(fields, "at", Reading::moment);
            let share = reading.required(fields, "percent", Share::parse);
            Some((at?, share?))
        })?;
        if steps.is_empty() || !steps.is_sorted_by(|a, b| a.0 < b.0) {
            reading.wrong("steps of a schedule stand in the order of time, and there is at least one");
        }
        Some(Self::Scheduled(steps))
    }

    pub(super) fn ramp(reading: &mut Reading, value: &Value) -> Option<Self> {
        let fields = reading.fields(value, &["from", "to", "start", "end"])?;
        let from = reading.required(fields, "from", Reading::moment);
        let to = reading.required(fields, "to", Reading::moment);
        let start = reading.optional(fields, "start", Share::parse).unwrap_or(Share(0));
        let end = reading.optional(fields, "end", Share::parse).unwrap_or(Share::EVERYBODY);
        let (from, to) = (from?, to?);
        if from >= to {
            reading.wrong("ramp ends before it begins");
        }
        Some(Self::Ramp { from, to, start, end })
    }
}

/// What puts a unit into a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucketing {
    /// The attribute that counts.
    pub unit: Box<str>,
    /// Computed once from the feature.
    pub salt: u64,
}

impl Bucketing {
    /// The frozen definition: `salt = XXH64("feature:" + salt)`, `hash = XXH64(id, salt)`, `bucket = hash * 100000 / 2^64`.
    pub(super) fn new(unit: &str, salt: &str) -> Self {
        Self { unit: unit.into(), salt: xxh64(0, format!("feature:{salt}").as_bytes()) }
    }

    /// Returns whether the context's unit is in a share. Without a unit only everybody includes it.
    #[inline]
    pub(super) fn is_in(&self, share: Share, context: &Context<'_>) -> bool {
        share == Share::EVERYBODY || self.bucket(context).is_some_and(|bucket| bucket < share)
    }

    /// Returns where the context's unit stands, if it has one.
    #[inline]
    pub(super) fn bucket(&self, context: &Context<'_>) -> Option<Share> {
        let id = context.get(&self.unit).and_then(crate::Attribute::id)?;
        Some(Share(((u128::from(id.hash(self.salt)) * u128::from(ALL)) >> 64) as u64))
    }
}
