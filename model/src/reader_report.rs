//! What client libraries tell the agent: one JSON datagram to `agent.sock`, dropped when nobody listens.

use crate::{ConfigPath, Revision};
use serde::{Deserialize, Serialize};

/// What a reader did with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedState {
    /// The value is in use.
    Applied,
    /// It did not parse or a check of the application refused it; the last good value stays in use.
    Refused,
}

/// One report of one process about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderReport {
    /// Process id of the reader.
    pub pid: u32,
    /// Name of its program.
    pub program: String,
    /// The file.
    pub path: ConfigPath,
    /// Revision of the file's view.
    pub revision: Revision,
    /// What happened.
    pub state: ReportedState,
    /// Why, when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ReaderReport {
    /// Longest datagram a client library sends and an agent reads.
    pub const BYTES_MAX: usize = 8 * 1024;
}
