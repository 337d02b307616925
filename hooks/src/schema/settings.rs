//! Bounds on schemas and on what checking against them may cost.

use super::meter::Bounds;
use configbus_model::Bound;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Options of the check against schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaSettings {
    /// Most entries of `schemas.yaml`.
    pub entries_max: usize,
    /// Largest schema together with everything it references, in bytes.
    pub size_bytes_max: usize,
    /// Most files a schema may be made of.
    pub files_max: usize,
    /// Most references in a schema together with everything it references.
    pub references_max: usize,
    /// Most parts of a schema, each counted as often as it is compiled.
    pub parts_max: u64,
    /// Most evaluations of parts of a schema at one place of a document, whatever stands there.
    pub evaluations_max: u64,
    /// Most different patterns of a schema together with everything it references.
    pub patterns_max: usize,
    /// Most steps of one match of a pattern that may backtrack.
    pub pattern_steps_max: usize,
    /// Longest text that a pattern which may backtrack is tried on, in bytes.
    pub pattern_text_bytes_max: usize,
    /// Most bytes of the compiled patterns of a schema whose patterns may grow when they are compiled.
    pub patterns_compiled_bytes_max: usize,
    /// Longest check of one document, in milliseconds.
    pub time_ms_max: u64,
    /// Longest check of all documents of one candidate, in milliseconds.
    pub candidate_time_ms_max: u64,
    /// Most compiled schemas that are kept, those of all namespaces together.
    pub compiled_max: usize,
    /// Most bytes of schemas whose compiled form is kept.
    pub compiled_bytes_max: usize,
}

impl Default for SchemaSettings {
    fn default() -> Self {
        Self {
            entries_max: 2_000,
            size_bytes_max: 16 << 20,
            files_max: 500,
            references_max: 10_000,
            parts_max: 100_000,
            evaluations_max: 100_000,
            patterns_max: 2_000,
            pattern_steps_max: 100_000,
            pattern_text_bytes_max: 8 << 10,
            patterns_compiled_bytes_max: 64 << 20,
            time_ms_max: 1_000,
            candidate_time_ms_max: 120_000,
            compiled_max: 1_000,
            compiled_bytes_max: 64 << 20,
        }
    }
}

/// Steps of one evaluation in a millisecond, with a margin: what they bound is memory, time has its own bound.
const STEPS_PER_MS: u64 = 100_000;

impl SchemaSettings {
    /// Returns each bound with what it may be.
    pub(crate) fn bounds(&self) -> [Bound; 14] {
        let text_max = self.pattern_text_bytes_max as u64;
        let compiled_max = self.patterns_compiled_bytes_max as u64;
        [
            Bound::new("gate.schemas.entries_max", self.entries_max as u64, 0, 100_000),
            Bound::new("gate.schemas.size_bytes_max", self.size_bytes_max as u64, 1, 256 << 20),
            Bound::new("gate.schemas.files_max", self.files_max as u64, 1, 10_000),
            Bound::new("gate.schemas.references_max", self.references_max as u64, 0, 20_000),
            Bound::new("gate.schemas.parts_max", self.parts_max, 1, 1_000_000),
            Bound::new("gate.schemas.evaluations_max", self.evaluations_max, 1, 1_000_000),
            Bound::new("gate.schemas.patterns_max", self.patterns_max as u64, 0, 100_000),
            Bound::new("gate.schemas.pattern_steps_max", self.pattern_steps_max as u64, 1, 10_000_000),
            Bound::new("gate.schemas.pattern_text_bytes_max", text_max, 1, 1 << 20),
            Bound::new("gate.schemas.patterns_compiled_bytes_max", compiled_max, 1 << 20, 1 << 30),
            Bound::new("gate.schemas.time_ms_max", self.time_ms_max, 1, 60_000),
            Bound::new("gate.schemas.candidate_time_ms_max", self.candidate_time_ms_max, 1, 600_000),
            Bound::new("gate.schemas.compiled_max", self.compiled_max as u64, 1, 100_000),
            Bound::new("gate.schemas.compiled_bytes_max", self.compiled_bytes_max as u64, 1, 4 << 30),
        ]
    }

    /// Returns what one evaluation may use.
    pub(super) fn evaluation(&self, backtracks: bool) -> Bounds {
        Bounds {
            steps_max: self.time_ms_max.saturating_mul(STEPS_PER_MS),
            time_max: Duration::from_millis(self.time_ms_max),
            text_bytes_max: if backtracks { self.pattern_text_bytes_max } else { usize::MAX },
        }
    }
}
