//! Bounds the gate holds candidates to.

use crate::{PolicySettings, RulesSettings, SchemaSettings, YamlSettings};
use configbus_gitstore::{CHANGED_FILES_MAX, TREE_FILES_MAX};
use configbus_model::{Bound, BoundError, DELIVERABLE_BYTES_MAX, DELIVERABLE_ENTRIES_MAX, PathLimits};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most threads that check files at once, whatever the machine has.
const THREADS_MAX: usize = 16;

/// Options of the gate. The defaults are those of the design; `docs/limits.md` tells of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateSettings {
    /// Largest file in bytes.
    pub file_size_bytes_max: u64,
    /// Most files that one change touches or makes to be looked at again.
    pub changed_files_max: usize,
    /// Most files of a tree that is looked through for those a changed schema, rule or validator concerns.
    pub tree_files_max: usize,
    /// Most objects of one push: commits, directories and contents that were not there.
    pub push_objects_max: usize,
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
    /// Most values of one file, lists and mappings among them.
    pub document_values_max: usize,
    /// Longest number of a document as it is written, in bytes.
    pub number_bytes_max: usize,
    /// Whether private keys and access tokens are refused.
    pub refuse_secrets: bool,
    /// Program that evaluates rules and supervises validators; by default the running one. Not a setting of its own.
    #[serde(skip)]
    pub child_program: Option<PathBuf>,
    /// Threads that check files at once; `0` is one per processor.
    pub threads: usize,
    /// Validators that run at once, for all changes of all namespaces together.
    pub validators_at_once_max: usize,
    /// What YAML may grow to.
    pub yaml: YamlSettings,
    /// Bounds on the files of `.configbus`.
    pub policy: PolicySettings,
    /// What rules may cost.
    pub rules: RulesSettings,
    /// Bounds on schemas.
    pub schemas: SchemaSettings,
}

impl Default for GateSettings {
    fn default() -> Self {
        let PathLimits { component_bytes_max, path_bytes_max, depth_max } = PathLimits::DEFAULT;
        Self {
            file_size_bytes_max: 4 << 20,
            changed_files_max: CHANGED_FILES_MAX,
            tree_files_max: 2_000_000,
            push_objects_max: 2_000_000,
            directory_entries_max: 10_000,
            path_depth_max: depth_max,
            path_bytes_max,
            component_bytes_max,
            document_depth_max: 128,
            document_values_max: 250_000,
            number_bytes_max: 1_000,
            refuse_secrets: true,
            child_program: None,
            threads: 0,
            validators_at_once_max: 8,
            yaml: YamlSettings::default(),
            policy: PolicySettings::default(),
            rules: RulesSettings::default(),
            schemas: SchemaSettings::default(),
        }
    }
}

impl GateSettings {
    /// Returns every bound with its key in a settings file. What it may be is what the rest of the bus can keep: hosts hold
    /// paths to the default limits, an object travels in one message, and recursive readers of documents would run out of
    /// stack.
    pub fn bounds(&self) -> Vec<Bound> {
        let paths = PathLimits::DEFAULT;
        let own = [
            Bound::new("gate.file_size_bytes_max", self.file_size_bytes_max, 1, DELIVERABLE_BYTES_MAX),
            Bound::new("gate.changed_files_max", self.changed_files_max as u64, 1, CHANGED_FILES_MAX as u64),
            Bound::new("gate.tree_files_max", self.tree_files_max as u64, 1, TREE_FILES_MAX as u64),
            Bound::new("gate.push_objects_max", self.push_objects_max as u64, 1, 10_000_000),
            Bound::new("gate.directory_entries_max", self.directory_entries_max as u64, 1, DELIVERABLE_ENTRIES_MAX),
            Bound::new("gate.path_depth_max", self.path_depth_max as u64, 1, paths.depth_max as u64),
            Bound::new("gate.path_bytes_max", self.path_bytes_max as u64, 1, paths.path_bytes_max as u64),
            Bound::new(
                "gate.component_bytes_max",
                self.component_bytes_max as u64,
                1,
                paths.component_bytes_max as u64,
            ),
            Bound::new("gate.document_depth_max", self.document_depth_max as u64, 1, 128),
            Bound::new("gate.document_values_max", self.document_values_max as u64, 1, 1_000_000),
            Bound::new("gate.number_bytes_max", self.number_bytes_max as u64, 32, 100_000),
            Bound::new("gate.threads", self.threads as u64, 0, THREADS_MAX as u64),
            Bound::new("gate.validators_at_once_max", self.validators_at_once_max as u64, 1, 1_024),
        ];
        let below = self.yaml.bounds().into_iter().chain(self.policy.bounds());
        own.into_iter().chain(below).chain(self.rules.bounds()).chain(self.schemas.bounds()).collect()
    }

    /// Refuses bounds that cannot hold.
    pub(crate) fn validate(&self) -> Result<(), BoundError> {
        self.bounds().into_iter().try_for_each(Bound::check)
    }

    /// Returns the bounds on paths.
    pub fn path_limits(&self) -> PathLimits {
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
        assert_eq!(deep.validate().unwrap_err().to_string(), "gate.path_depth_max = 33, expected 1 to 32");
        let none = GateSettings { file_size_bytes_max: 0, ..GateSettings::default() };
        assert!(none.validate().is_err());
    }
}
