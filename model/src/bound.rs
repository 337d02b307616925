//! Bounds that an installation can set, and how they are named to whoever runs into one.

use crate::ErrorKind;
use std::fmt::Display;

/// Largest content of a file that every part of the bus can carry: it travels in one message to hosts and to callers of the
/// API.
pub const DELIVERABLE_BYTES_MAX: u64 = 15 << 20;

/// Most entries of a directory that every part of the bus can carry, whatever their names: it travels in one message.
pub const DELIVERABLE_ENTRIES_MAX: u64 = 50_000;

/// A bound: the key of its setting, what it is, and what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Dotted, as in a settings file.
    pub key: &'static str,
    /// What it is.
    pub value: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

/// A bound that cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} = {}, expected {} to {}", .0.key, .0.value, .0.min, .0.max)]
pub struct BoundError(Bound);

impl Bound {
    /// Describes a bound.
    pub const fn new(key: &'static str, value: u64, min: u64, max: u64) -> Self {
        Self { key, value, min, max }
    }

    /// Refuses a value outside its range.
    pub fn check(self) -> Result<(), BoundError> {
        if (self.min..=self.max).contains(&self.value) { Ok(()) } else { Err(BoundError(self)) }
    }
}

impl BoundError {
    /// Returns the key of the setting.
    pub const fn key(&self) -> &'static str {
        self.0.key
    }

    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Says what would be right where more was found than a setting lets through: the one form in which limits are told.
pub fn at_most(max: impl Display, unit: &str, key: &str) -> String {
    let space = if unit.is_empty() { "" } else { " " };
    format!("at most {max}{space}{unit} (setting {key})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_outside_its_range_is_named() {
        let bound = |value| Bound::new("gate.x_max", value, 1, 32);
        assert_eq!((bound(1).check(), bound(32).check()), (Ok(()), Ok(())));
        let error = bound(33).check().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.key()), ("gate.x_max = 33, expected 1 to 32", "gate.x_max"));
        assert!(bound(0).check().is_err());
    }

    #[test]
    fn limits_are_told_in_one_form() {
        assert_eq!(at_most(10, "bytes", "gate.x_max"), "at most 10 bytes (setting gate.x_max)");
    }
}
