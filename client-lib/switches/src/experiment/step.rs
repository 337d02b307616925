//! The steps of a decision, for people who ask why.

use super::{chain::Cause, range::Bucket};
use std::fmt;

/// One link of the chain, as it was passed or as it ended the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Whether the experiment is turned off.
    Off {
        /// Whether it is.
        is_off: bool,
    },
    /// Whether it runs at this time.
    Dates {
        /// On which side of its time it is, if it does not run.
        outside: Option<Cause>,
    },
    /// Whether an override names who asks.
    Override {
        /// The variant that it gives.
        variant: Option<&'a str>,
    },
    /// Whether the experiment is meant for who asks.
    Targeting {
        /// Whether it is.
        is_targeted: bool,
    },
    /// Whether the unit is kept out to be compared with.
    Holdout {
        /// Which holdout.
        name: &'a str,
        /// The attribute that counts.
        unit: &'a str,
        /// Where the unit stands; absent without one.
        bucket: Option<Bucket>,
        /// Whether it is.
        is_held_out: bool,
    },
    /// Whether the unit is the experiment's, of all in the layer.
    Layer {
        /// Which layer.
        name: &'a str,
        /// The attribute that counts.
        unit: &'a str,
        /// Where the unit stands; absent without one.
        bucket: Option<Bucket>,
        /// Whether it is.
        is_inside: bool,
    },
    /// Which variant has the unit's bucket.
    Ranges {
        /// The attribute that counts.
        unit: &'a str,
        /// Where the unit stands; absent without one.
        bucket: Option<Bucket>,
        /// The variant.
        variant: Option<&'a str>,
    },
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = |unit: &str, bucket: Option<Bucket>| match bucket {
            Some(bucket) => format!("{unit} stands at {bucket}"),
            None => format!("nothing says {unit}"),
        };
        match *self {
            Self::Off { is_off } => write!(f, "off: {}", if is_off { "yes, ends here" } else { "no" }),
            Self::Dates { outside: None } => f.write_str("dates: it runs"),
            Self::Dates { outside: Some(cause) } => write!(f, "dates: {}, ends here", cause.as_str()),
            Self::Override { variant: None } => f.write_str("overrides: none matches"),
            Self::Override { variant: Some(variant) } => write!(f, "overrides: one gives '{variant}', ends here"),
            Self::Targeting { is_targeted } => {
                write!(f, "targeting: {}", if is_targeted { "meant" } else { "not meant, ends here" })
            }
            Self::Holdout { name, unit, bucket, is_held_out } => {
                let told = if is_held_out { "held out, ends here" } else { "not held out" };
                write!(f, "holdout '{name}': {}, {told}", standing(unit, bucket))
            }
            Self::Layer { name, unit, bucket, is_inside } => {
                let told =
                    if is_inside { "in the experiment's range" } else { "outside the experiment's range, ends here" };
                write!(f, "layer '{name}': {}, {told}", standing(unit, bucket))
            }
            Self::Ranges { unit, bucket, variant } => {
                let told =
                    variant.map_or_else(|| "no variant has it".to_owned(), |variant| format!("gets '{variant}'"));
                write!(f, "ranges: {}, {told}", standing(unit, bucket))
            }
        }
    }
}
