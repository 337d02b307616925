//! Settings of the audit log.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where the audit log is and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// The log; by default `audit.jsonl` in the data folder.
    pub file: Option<PathBuf>,
    /// Size at which it is moved aside.
    pub bytes_max: u64,
    /// Older ones that are kept beside it.
    pub files_max: usize,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { file: None, bytes_max: 64 * 1024 * 1024, files_max: 16 }
    }
}
