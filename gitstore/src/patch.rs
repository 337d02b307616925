//! Differences as text.

/// A unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// The diff; binary files are named only.
    pub text: String,
    /// Whether it was cut at its size limit.
    pub truncated: bool,
}
