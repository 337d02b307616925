//! Positions in a namespace's history.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::{fmt, str::FromStr};

/// The text is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a revision, expected a number such as 42 or r42")]
pub struct RevisionError {
    text: String,
}

/// Number of first-parent commits of a namespace up to and including this one; the first is `r1`, `r0` is the
/// empty namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Revision(pub u64);

impl Revision {
    /// The namespace before its first commit.
    pub const ZERO: Self = Self(0);

    /// Returns the revision one later.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        let digits = text.strip_prefix('r').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            Ok(number) if plain => Ok(Self(number)),
            _ => Err(RevisionError { text: text.chars().take(60).collect() }),
        }
    }
}

impl<'de> Deserialize<'de> for Revision {
    /// Accepts the number of JSON and the `r42` of text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Revision;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a revision such as 42 or \"r42\"")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Revision, E> {
                Ok(Revision(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Revision, E> {
                u64::try_from(number).map(Revision).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Revision, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Generation of a namespace's history; raised only by a restore from backup, never by a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a bus that was never restored.
    pub const FIRST: Self = Self(1);
}

impl Default for Epoch {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_accepted() {
        assert_eq!("42".parse(), Ok(Revision(42)));
        assert_eq!("r42".parse(), Ok(Revision(42)));
        for text in ["", "r", "-1", "+1", "rr1", "r1 ", "99999999999999999999"] {
            assert!(text.parse::<Revision>().is_err(), "{text:?}");
        }
    }
}
