//! What documents may be like.

use super::yaml::YamlSettings;
use crate::{Finding, GateSettings, Rule, check::Document};
use configbus_model::at_most;

/// Limits of one document.
#[derive(Debug, Clone)]
pub(crate) struct DocumentBounds {
    /// Deepest nesting.
    pub(crate) depth_max: usize,
    /// Whether the depth is that of a setting, and not one that a policy file or a schema never reaches.
    pub(crate) depth_is_set: bool,
    /// Longest number as it is written, in bytes.
    pub(crate) number_bytes_max: usize,
    /// Most values of a file.
    pub(crate) values_max: usize,
    /// What YAML may grow to.
    pub(crate) yaml: YamlSettings,
}

impl DocumentBounds {
    /// Takes those of the gate.
    pub(crate) fn of(settings: &GateSettings) -> Self {
        let GateSettings { document_depth_max, document_values_max, number_bytes_max, yaml, .. } = settings.clone();
        let (depth_max, values_max) = (document_depth_max, document_values_max);
        Self { depth_max, depth_is_set: true, number_bytes_max, values_max, yaml }
    }

    /// Returns the defaults with a depth of its own, for files that are no configuration: policy, schemas. They have bounds on
    /// entries and parts.
    pub(crate) fn with_depth(depth_max: usize) -> Self {
        Self { depth_max, depth_is_set: false, values_max: usize::MAX, ..Self::of(&GateSettings::default()) }
    }

    /// Returns the same for a format whose readers go less deep than that may be set to.
    pub(super) fn at_most_deep(&self, depth_max: usize) -> Self {
        let is_narrower = self.depth_max <= depth_max;
        Self {
            depth_max: self.depth_max.min(depth_max),
            depth_is_set: self.depth_is_set && is_narrower,
            ..self.clone()
        }
    }

    /// Says that a document is nested too deep. Reading ends there, so nobody knows how deep it is.
    pub(super) fn too_deep(&self, document: &Document<'_>, rule: Rule, offset: usize) -> Finding {
        let finding = document.finding_at(rule, offset, TOO_DEEP).found(self.depth_found());
        finding.expected(self.depth_expected())
    }

    /// Returns the first depth that is too much.
    pub(super) fn depth_found(&self) -> String {
        format!("level {}", self.depth_max + 1)
    }

    /// Says which depth would be right.
    pub(super) fn depth_expected(&self) -> String {
        match self.depth_is_set {
            true => at_most(self.depth_max, "levels", "gate.document_depth_max"),
            false => format!("at most {} levels", self.depth_max),
        }
    }

    /// Says that a file has too many values.
    pub(super) fn too_many_values(&self, document: &Document<'_>, offset: usize) -> Finding {
        let finding = document.finding_at(Rule::DocumentValues, offset, TOO_MANY_VALUES).found(self.values_found());
        finding.expected(self.values_expected())
    }

    /// Returns the first number of values that is too much: reading ends there.
    pub(super) fn values_found(&self) -> String {
        format!("{} values up to here", self.values_max.saturating_add(1))
    }

    /// Says how many values would be right.
    pub(super) fn values_expected(&self) -> String {
        at_most(self.values_max, "values", "gate.document_values_max")
    }

    /// Says that a number is too long, if it is.
    pub(super) fn long_number(&self, document: &Document<'_>, offset: usize, bytes: usize) -> Option<Finding> {
        (bytes > self.number_bytes_max).then(|| {
            let message = "number is too long; write it with fewer digits, or in quotes if it is no number";
            let finding = document.finding_at(Rule::NumberLength, offset, message).found(format!("{bytes} characters"));
            finding.expected(at_most(self.number_bytes_max, "characters", "gate.number_bytes_max"))
        })
    }
}

/// What is said of documents that are nested too deep.
pub(super) const TOO_DEEP: &str = "document is nested too deep; flatten it, or move inner parts to files of their own";

/// What is said of files with too many values, each of which takes some hundred bytes of memory wherever it is read.
pub(super) const TOO_MANY_VALUES: &str = "file has too many values; split it";
