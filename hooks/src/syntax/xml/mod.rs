//! XML 1.0, well-formed, without a document type declaration.
//!
//! A scanner of our own: the parsers in reach take attributes without quotes, unknown entities or several roots for
//! granted, which stricter readers on hosts do not.

mod cursor;
mod grammar;
mod markup;

use crate::{
    Rule,
    check::{Check, Document, Findings},
    syntax::DocumentBounds,
};

/// Checks `.xml`.
#[derive(Debug)]
pub(crate) struct Xml {
    /// What a document may be like.
    pub(crate) bounds: DocumentBounds,
}

impl Check for Xml {
    fn applies_to(&self, path: &str) -> bool {
        super::has_extension(path, &["xml"])
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let Some(text) = document.utf8(findings) else { return };
        if let Err(stop) = grammar::walk(document, text, &self.bounds, findings) {
            let finding = document.finding_at(stop.rule, stop.offset, stop.message).found(stop.found);
            findings.add(match stop.expected {
                Some(expected) => finding.expected(expected),
                None => finding,
            });
        }
    }
}

/// Where and why reading cannot go on.
#[derive(Debug)]
struct Stop {
    offset: usize,
    rule: Rule,
    message: &'static str,
    found: String,
    expected: Option<String>,
}

#[cfg(test)]
mod tests;
