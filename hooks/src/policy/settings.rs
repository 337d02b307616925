//! How much policy a repository may have: it is read while others wait, and every change is judged by all of it.

use configbus_model::Bound;
use serde::{Deserialize, Serialize};

/// Bounds on the files of `.configbus`. That on entries of `schemas.yaml` is among those of schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// Largest file of the folder in bytes.
    pub file_size_bytes_max: usize,
    /// Most patterns of `owners`.
    pub owners_max: usize,
    /// Most teams of `teams.yaml`.
    pub teams_max: usize,
    /// Most rules of `rules.yaml`.
    pub rules_max: usize,
    /// Most entries of `allow.yaml`: each secret that is found is held against all of them.
    pub allowances_max: usize,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            file_size_bytes_max: 1 << 20,
            owners_max: 5_000,
            teams_max: 5_000,
            rules_max: 1_000,
            allowances_max: 1_000,
        }
    }
}

impl PolicySettings {
    /// Returns each bound with what it may be.
    pub(crate) fn bounds(&self) -> [Bound; 5] {
        [
            Bound::new("gate.policy.file_size_bytes_max", self.file_size_bytes_max as u64, 1 << 10, 8 << 20),
            Bound::new("gate.policy.owners_max", self.owners_max as u64, 0, 50_000),
            Bound::new("gate.policy.teams_max", self.teams_max as u64, 0, 50_000),
            Bound::new("gate.policy.rules_max", self.rules_max as u64, 0, 10_000),
            Bound::new("gate.policy.allowances_max", self.allowances_max as u64, 0, 10_000),
        ]
    }
}
