//! What status says of deliveries.

use configbus_model::{ConfigPath, Revision};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The place has what the bus has, and whoever had to be told was.
    Placed,
    /// The check said no: the place has what it had.
    Refused,
    /// The place has what the bus has, and the command that tells of it failed.
    CommandFailed,
    /// It could not be put there; this is tried again.
    Failed,
    /// The bus has no such path; the place is left as it is.
    Absent,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// The command.
    pub command: String,
    /// Whether it ended well.
    pub ok: bool,
    /// How it ended, such as `exit status 1` or `no end within 30 s`.
    pub end: String,
    /// The end of what it wrote.
    pub output: String,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// File or directory on the bus.
    pub path: ConfigPath,
    /// Its place.
    pub to: PathBuf,
    /// Where it stands.
    pub state: DeliveryState,
    /// Revision in which it got there.
    pub revision: Revision,
    /// When, by the host's clock.
    pub time_ms: u64,
    /// What is wrong, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command that ran last for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandReport>,
}
