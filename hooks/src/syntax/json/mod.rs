//! JSON as RFC 8259 has it, and nothing that merely looks like it.
//!
//! The usual parser takes the last of two equal keys, turns integers beyond 64 bits into floats and says nothing about
//! either, so a reader could see another value than the reviewer. Hence a scanner of our own, which also knows places.

pub(crate) mod scanner;
mod walk;

use crate::{
    Rule,
    check::{Check, Document, Findings},
    syntax::DocumentBounds,
};
use std::borrow::Cow;

/// Checks `.json`.
#[derive(Debug)]
pub(crate) struct Json {
    /// What a document may be like.
    pub(crate) bounds: DocumentBounds,
}

impl Check for Json {
    fn applies_to(&self, path: &str) -> bool {
        super::has_extension(path, &["json"])
    }

    fn check(&self, document: &Document<'_>, findings: &mut Findings) {
        let Some(text) = document.unmarked_utf8(findings) else { return };
        walk::walk(document, text, &self.bounds.at_most_deep(READ_DEPTH_MAX), findings);
    }
}

/// Deepest nesting that the reader of Rust hosts takes, whatever the gate is set to.
const READ_DEPTH_MAX: usize = 127;

/// Where and why scanning cannot go on.
#[derive(Debug)]
pub(crate) struct Stop {
    offset: usize,
    rule: Rule,
    message: &'static str,
    found: String,
    expected: Cow<'static, str>,
}

#[cfg(test)]
mod tests;
