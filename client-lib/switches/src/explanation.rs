//! How an answer came about, step by step.

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was asked, such as a rule.
    pub asked: String,
    /// What came of it.
    pub found: String,
}

impl Step {
    pub(crate) fn new(asked: impl Into<String>, found: impl Into<String>) -> Self {
        Self { asked: asked.into(), found: found.into() }
    }
}
