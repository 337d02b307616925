//! Which programs have a say over which files, and what they may cost.

use crate::glob::{GlobError, PathGlob};
use configbus_model::{Bound, ErrorKind, at_most};
use serde::{Deserialize, Serialize};
use std::{fmt::Display, path::Path};

/// Longest name of a validator.
const NAME_BYTES_MAX: usize = 40;

/// Which files a validator gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Those of its patterns that change.
    #[default]
    Changed,
    /// All of its patterns, as soon as one of them changes.
    All,
}

/// How a validator is cut off from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Without network and among its own processes where the system allows that, otherwise not.
    #[default]
    BestEffort,
    /// The same, or the candidate is refused.
    Required,
    /// With the network of the server.
    None,
}

/// One validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorSettings {
    /// What findings call it.
    pub name: String,
    /// Absolute path of the program, and its arguments.
    pub command: Vec<String>,
    /// Patterns of the files it is asked about.
    pub files: Vec<String>,
    /// Which of them it gets.
    #[serde(default)]
    pub scope: Scope,
    /// How it is cut off.
    #[serde(default)]
    pub isolation: Isolation,
    /// Time it has.
    #[serde(default = "defaults::time_limit_ms")]
    pub time_limit_ms: u64,
    /// Memory of each of its processes.
    #[serde(default = "defaults::memory_bytes_max")]
    pub memory_bytes_max: u64,
    /// Processes at once, where it is cut off.
    #[serde(default = "defaults::processes_max")]
    pub processes_max: u64,
    /// What it may say.
    #[serde(default = "defaults::output_bytes_max")]
    pub output_bytes_max: u64,
    /// Files it is given.
    #[serde(default = "defaults::files_max")]
    pub files_max: usize,
    /// Their size together, and that of any file it writes.
    #[serde(default = "defaults::files_bytes_max")]
    pub files_bytes_max: u64,
}

mod defaults {
    pub(super) fn time_limit_ms() -> u64 {
        10_000
    }

    pub(super) fn memory_bytes_max() -> u64 {
        1 << 30
    }

    pub(super) fn processes_max() -> u64 {
        64
    }

    pub(super) fn output_bytes_max() -> u64 {
        1 << 20
    }

    pub(super) fn files_max() -> usize {
        10_000
    }

    pub(super) fn files_bytes_max() -> u64 {
        256 << 20
    }
}

/// A validator that cannot be run as it is described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorSettingsError {
    /// Its name would not print, or there is another.
    #[error("validator name {name:?} is empty, too long, not of [a-z0-9-], or used twice")]
    Name {
        /// The name.
        name: String,
    },
    /// It names no program.
    #[error("command of validator {name} starts with {program:?}, expected the absolute path of a program")]
    Command {
        /// Whose.
        name: String,
        /// What stands there.
        program: String,
    },
    /// It is asked about no file.
    #[error("validator {name} has no files; `*` stands for every file")]
    NoFiles {
        /// Whose.
        name: String,
    },
    /// A pattern is none.
    #[error("pattern {pattern:?} of validator {name} is wrong")]
    Pattern {
        /// Whose.
        name: String,
        /// Which.
        pattern: String,
        /// Cause.
        source: GlobError,
    },
    /// A bound cannot hold.
    #[error("{key} of validator {name} is {value}, expected {min} to {max}")]
    Bound {
        /// Whose.
        name: String,
        /// Which.
        key: &'static str,
        /// What is set.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

impl ValidatorSettingsError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl ValidatorSettings {
    /// Returns the patterns, or what is wrong with the settings.
    pub(super) fn globs(&self) -> Result<Vec<PathGlob>, ValidatorSettingsError> {
        let name = self.name.clone();
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(is_word) {
            return Err(ValidatorSettingsError::Name { name });
        }
        let program = self.command.first().cloned().unwrap_or_default();
        if !Path::new(&program).is_absolute() {
            return Err(ValidatorSettingsError::Command { name, program });
        }
        if self.files.is_empty() {
            return Err(ValidatorSettingsError::NoFiles { name });
        }
        self.check_bounds()?;
        let glob = |pattern: &String| {
            let wrong =
                |source| ValidatorSettingsError::Pattern { name: name.clone(), pattern: pattern.clone(), source };
            PathGlob::parse(pattern).map_err(wrong)
        };
        self.files.iter().map(glob).collect()
    }

    /// Returns each bound with what it may be; keys are those of an entry of `[[validators]]`.
    pub fn bounds(&self) -> [Bound; 6] {
        [
            Bound::new("time_limit_ms", self.time_limit_ms, 1, 600_000),
            Bound::new("memory_bytes_max", self.memory_bytes_max, 1 << 20, 1 << 40),
            Bound::new("processes_max", self.processes_max, 1, 100_000),
            Bound::new("output_bytes_max", self.output_bytes_max, 1, 64 << 20),
            Bound::new("files_max", self.files_max as u64, 1, 1_000_000),
            Bound::new("files_bytes_max", self.files_bytes_max, 1, 1 << 40),
        ]
    }

    fn check_bounds(&self) -> Result<(), ValidatorSettingsError> {
        let wrong = self.bounds().into_iter().find(|bound| bound.check().is_err());
        wrong.map_or(Ok(()), |Bound { key, value, min, max }| {
            Err(ValidatorSettingsError::Bound { name: self.name.clone(), key, value, min, max })
        })
    }

    /// Says what would be right where the validator's limit `key` is passed.
    pub(super) fn at_most(&self, max: impl Display, unit: &str, key: &str) -> String {
        at_most(max, unit, &format!("{key} of [[validators]] {}", self.name))
    }
}
