//! A namespace: unit of ownership, access and history, one Git repository with a head of its own.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// Longest accepted name in bytes; it becomes a folder name and a ZooKeeper node.
const NAME_BYTES_MAX: usize = 63;

/// The name cannot be a namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a namespace, expected 1 to 63 of a-z, 0-9 and '-', starting with a letter")]
pub struct NamespaceError {
    name: String,
}

/// Name of a namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, NamespaceError> {
        let starts_with_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if starts_with_letter && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(NamespaceError { name: name.chars().take(80).collect() })
        }
    }

    /// Returns the namespace that every bus has, mounted at the root.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::main()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(name: &str) -> Result<Self, NamespaceError> {
        Self::parse(name)
    }
}

impl TryFrom<String> for Namespace {
    type Error = NamespaceError;

    fn try_from(name: String) -> Result<Self, NamespaceError> {
        Self::parse(&name)
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_escape_a_folder_are_refused() {
        for name in ["", "..", "a/b", "Main", "1st", "a b", "-a", &"a".repeat(64)] {
            assert!(Namespace::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(Namespace::parse("traffic-eu1").unwrap().as_str(), "traffic-eu1");
    }
}
