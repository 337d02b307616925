//! Bounds the gate holds candidates to.

use crate::{RulesSettings, SchemaSettings};
use configbus_model::{ErrorKind, PathLimits};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most threads that check files at once, whatever the machine has.
const THREADS_MAX: usize = 16;

/// Options of the gate. The defaults are those of the design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateSettings {
    /// Largest file in bytes.
    pub file_size_bytes_max: u64,
    /// Most entries of one directory.
    pub directory_entries_max: usize,
    /// Most components of a path.
    pub path_depth_max: usize,
    /// Longest path in bytes.
    pub path_bytes_max: usize,
    /// Longest component of a path in bytes.
    pub component_bytes_max: usize,
    /// Deepest nesting of a document.
    pub document_depth_max: usize,
    /// Whether private keys and access tokens are refused.
    pub refuse_secrets: bool,
    /// What rules may cost.
    pub rules: RulesSettings,
    /// Program that evaluates rules and supervises validators; by default the running one. Not a setting of its own.
    #[serde(skip)]
    pub child_program: Option<PathBuf>,
    /// Threads that check files at once; `0` is one per processor.
    pub threads: usize,
    /// Validators that run at once, for all changes of all namespaces together.
    pub validators_at_once_max: usize,
    /// Bounds on schemas.
    pub schemas: SchemaSettings,
}

impl Default for GateSettings {
    fn default() -> Self {
        let PathLimits { component_bytes_max, path_bytes_max, depth_max } = PathLimits::DEFAULT;
        Self {
            file_size_bytes_max: 4 << 20,
            directory_entries_max: 10_000,
            path_depth_max: depth_max,
            path_bytes_max,
            component_bytes_max,
            document_depth_max: 128,
            refuse_secrets: true,
            rules: RulesSettings::default(),
            child_program: None,
            threads: 0,
            validators_at_once_max: 8,
            schemas: SchemaSettings::default(),
        }
    }
}

/// A setting that cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {key} is {value}, expected {min} to {max}")]
pub struct GateSettingsError {
    key: &'static str,
    value: u64,
    min: u64,
    max: u64,
}

impl GateSettingsError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl GateSettings {
    /// Refuses bounds that the rest of the bus could not keep: hosts hold paths to the default limits, and recursive
    /// readers of documents would run out of stack.
    pub(crate) fn validate(&self) -> Result<(), GateSettingsError> {
        let paths = PathLimits::DEFAULT;
        let bounds = [
            ("file_size_bytes_max", self.file_size_bytes_max, 1, 1 << 30),
            ("directory_entries_max", self.directory_entries_max as u64, 1, 1_000_000),
            ("path_depth_max", self.path_depth_max as u64, 1, paths.depth_max as u64),
            ("path_bytes_max", self.path_bytes_max as u64, 1, paths.path_bytes_max as u64),
            ("component_bytes_max", self.component_bytes_max as u64, 1, paths.component_bytes_max as u64),
            ("document_depth_max", self.document_depth_max as u64, 1, 128),
            ("threads", self.threads as u64, 0, THREADS_MAX as u64),
            ("validators_at_once_max", self.validators_at_once_max as u64, 1, 1_024),
        ];
        let mut bounds = bounds.into_iter().chain(self.rules.bounds()).chain(self.schemas.bounds());
        let wrong = bounds.find(|(_, value, min, max)| value < min || value > max);
        wrong.map_or(Ok(()), |(key, value, min, max)| Err(GateSettingsError { key, value, min, max }))
    }

    /// Returns the bounds on paths.
    pub(crate) fn path_limits(&self) -> PathLimits {
        PathLimits {
            component_bytes_max: self.component_bytes_max,
            path_bytes_max: self.path_bytes_max,
            depth_max: self.path_depth_max,
        }
    }

    /// Returns how many threads check files.
    pub(crate) fn worker_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX),
            threads => threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_no_host_could_keep_are_refused() {
        assert_eq!(GateSettings::default().validate(), Ok(()));
        let deep = GateSettings { path_depth_max: 33, ..GateSettings::default() };
        assert_eq!(deep.validate().unwrap_err().to_string(), "setting path_depth_max is 33, expected 1 to 32");
        let none = GateSettings { file_size_bytes_max: 0, ..GateSettings::default() };
        assert!(none.validate().is_err());
    }
}
