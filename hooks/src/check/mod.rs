//! Checks of one file. Each is pure: a document in, findings out.

mod document;
mod policy;

pub(crate) use document::{Document, Findings};
pub(crate) use policy::PolicySupport;

/// One family of rules over one file.
pub(crate) trait Check: Send + Sync {
    /// Returns whether the check has anything to say about a file at this path.
    fn applies_to(&self, path: &str) -> bool;

    /// Adds what is wrong with the file.
    fn check(&self, document: &Document<'_>, findings: &mut Findings);
}
