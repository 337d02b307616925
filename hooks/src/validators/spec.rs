//! What the gate and a supervisor say to each other over the supervisor's standard input, which is a socket.

use super::Isolation;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One run of a validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunSpec {
    pub(super) command: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(String, PathBuf)>,
    pub(super) isolation: Isolation,
    pub(super) time_limit_ms: u64,
    pub(super) memory_bytes_max: u64,
    pub(super) processes_max: u64,
    pub(super) file_bytes_max: u64,
}

/// How a run ended, when nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunEnd {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// It took too long.
    TimedOut,
    /// It could not be started; one line says why.
    NotStarted(String),
    /// It could not be cut off, and had to be.
    NotIsolated(String),
}
