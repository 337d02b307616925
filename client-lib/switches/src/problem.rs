//! What is wrong with a document of switches, all of it at once.

use configbus_model::ErrorKind;
use std::fmt;

/// Most problems told about one document.
pub(crate) const PROBLEMS_KEPT_MAX: usize = 50;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The document cannot be used.
    Wrong,
    /// Part of the document would do nothing, as a key that nobody knows. The gate refuses it, because it is a typing
    /// error; readers use the rest, so that an old program survives a key of a later release.
    Idle,
    /// An inline test expects something else than what comes out. The gate refuses it; readers do not run tests.
    Test,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// JSON pointer of the value within the document; empty for the document itself.
    pub pointer: String,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// The value that is there.
    pub found: Option<String>,
    /// What would be right.
    pub expected: Option<String>,
}

impl Problem {
    /// Adds the value that is there.
    pub fn found(&mut self, found: impl Into<String>) -> &mut Self {
        self.found = Some(found.into());
        self
    }

    /// Adds what would be right.
    pub fn expected(&mut self, expected: impl Into<String>) -> &mut Self {
        self.expected = Some(expected.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)?;
        match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => write!(f, ": found {found}, expected {expected}"),
            (Some(found), None) => write!(f, ": {found}"),
            (None, Some(expected)) => write!(f, ", expected {expected}"),
            (None, None) => Ok(()),
        }
    }
}

/// What came of reading a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What it says; absent when something in it is [`Severity::Wrong`].
    pub value: Option<T>,
    /// Everything that was found, the first fifty.
    pub problems: Vec<Problem>,
}

impl<T> Parsed<T> {
    /// Returns the value for a reader, for whom idle keys and tests do not count.
    pub fn usable(self) -> Result<T, Problems> {
        self.value.ok_or(Problems(self.problems))
    }

    /// Returns the value for an author, for whom everything counts.
    pub fn flawless(self) -> Result<T, Problems> {
        match self.value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(Problems(self.problems)),
        }
    }
}

/// Why a document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.0.iter().filter(|problem| problem.severity == Severity::Wrong);
        let first = wrong.chain(&self.0).next();
        match first {
            Some(problem) if self.0.len() > 1 => write!(f, "{problem} (and {} more)", self.0.len() - 1),
            Some(problem) => problem.fmt(f),
            None => f.write_str("it is not usable"),
        }
    }
}
