//! Bounds on what rules may cost.

use configbus_model::Bound;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Time to read a byte, for the slowest format on a machine that is busy: half a second a MiB.
pub(super) const READING_TIME_PER_BYTE: Duration = Duration::from_nanos(500);

/// Options of the evaluation of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesSettings {
    /// Time for one rule over one file.
    pub time_limit_ms: u64,
    /// Time for all rules over all files of one candidate.
    pub candidate_time_limit_ms: u64,
    /// Memory of one evaluating process, documents included.
    pub memory_bytes_max: u64,
    /// Evaluating processes at once.
    pub processes_max: usize,
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { time_limit_ms: 250, candidate_time_limit_ms: 10_000, memory_bytes_max: 512 << 20, processes_max: 4 }
    }
}

impl RulesSettings {
    /// Returns each bound with what it may be.
    pub(crate) fn bounds(&self) -> [Bound; 4] {
        [
            Bound::new("gate.rules.time_limit_ms", self.time_limit_ms, 1, 60_000),
            Bound::new("gate.rules.candidate_time_limit_ms", self.candidate_time_limit_ms, 1, 600_000),
            Bound::new("gate.rules.memory_bytes_max", self.memory_bytes_max, 128 << 20, 16 << 30),
            Bound::new("gate.rules.processes_max", self.processes_max as u64, 1, 64),
        ]
    }

    /// Returns the time for one rule over contents of so many bytes: reading them is not the rule's fault.
    pub(super) fn time_limit_for(&self, bytes: usize) -> Duration {
        self.time_limit() + READING_TIME_PER_BYTE * u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    pub(super) fn time_limit(&self) -> Duration {
        Duration::from_millis(self.time_limit_ms)
    }

    /// Returns the time for all rules over all files of one candidate.
    pub fn candidate_time_limit(&self) -> Duration {
        Duration::from_millis(self.candidate_time_limit_ms)
    }
}
