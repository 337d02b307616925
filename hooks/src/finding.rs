//! One thing that is wrong with a candidate, and where.

use crate::{Rule, secrets::redacted};
use serde::{Deserialize, Serialize};

/// The line a finding is about, cropped and printable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// Part of the line, control characters replaced.
    pub text: String,
    /// How many characters of `text` precede the place.
    pub caret: usize,
}

/// One problem. Everything in it is printable: names and values of the candidate are escaped when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which file or directory; the root is `.`.
    pub path: String,
    /// Line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// JSON pointer of the value or key within the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What it violates.
    pub rule: Rule,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// The value that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The line itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// Longest value quoted in a finding, in characters.
const VALUE_CHARS_MAX: usize = 120;

impl Finding {
    /// Starts a finding about `path` as a whole.
    pub fn new(rule: Rule, path: &str, message: impl Into<String>) -> Self {
        let path = if path.is_empty() { ".".to_owned() } else { printable(path) };
        let message = printable(&message.into());
        Self {
            path,
            line: None,
            column: None,
            pointer: None,
            rule,
            message,
            found: None,
            expected: None,
            excerpt: None,
        }
    }

    /// Adds the place.
    pub(crate) fn at(mut self, place: crate::text::Place, excerpt: Excerpt) -> Self {
        (self.line, self.column, self.excerpt) = (Some(place.line), Some(place.column), Some(excerpt));
        self
    }

    /// Adds the pointer.
    pub(crate) fn pointing(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(printable(&pointer.into()));
        self
    }

    /// Says something else.
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = printable(&message.into());
        self
    }

    /// Adds the value that is there.
    pub(crate) fn found(mut self, found: impl AsRef<str>) -> Self {
        self.found = Some(shortened(found.as_ref()));
        self
    }

    /// Adds what would be right.
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(printable(&expected.into()));
        self
    }

    /// Takes secrets out of everything that may quote the candidate.
    pub(crate) fn redact(&mut self) {
        let texts = [Some(&mut self.message), self.found.as_mut(), self.expected.as_mut(), self.pointer.as_mut()];
        let excerpt = self.excerpt.as_mut().map(|excerpt| &mut excerpt.text);
        for text in texts.into_iter().flatten().chain(excerpt) {
            if let Some(redacted) = redacted(text) {
                *text = redacted;
            }
        }
    }

    /// Returns `path:line:column`, as far as known.
    pub fn location(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.path),
            (Some(line), None) => format!("{}:{line}", self.path),
            _ => self.path.clone(),
        }
    }

    /// Returns message, found and expected in one line.
    pub fn sentence(&self) -> String {
        match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => format!("{}: found {found}, expected {expected}", self.message),
            (Some(found), None) => format!("{}: {found}", self.message),
            (None, Some(expected)) => format!("{}, expected {expected}", self.message),
            (None, None) => self.message.clone(),
        }
    }
}

/// Escapes what could move a cursor, hide text or break a line.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hazardous(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Control characters, and those that reorder or hide what stands around them; joiners belong to ordinary names.
pub(crate) fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", printable(&value[..end])),
        None => printable(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_candidate_can_steer_the_terminal() {
        let finding = Finding::new(Rule::Name, "a\u{1b}[2J\u{202e}", "bad").found("x\ny").pointing("/\u{7}");
        let finding = finding.expected("</\u{202e}a> for the element at line 1");
        let all = serde_json::to_string(&finding).unwrap();
        assert!(!all.contains("\\u001b") && !all.contains('\u{202e}'), "{all}");
        assert_eq!(finding.found.as_deref(), Some("x\\u{a}y"));
    }

    #[test]
    fn sentences_read_on_their_own() {
        let finding = Finding::new(Rule::JsonNumber, "a.json", "integer does not fit").found("1").expected("a string");
        assert_eq!(finding.sentence(), "integer does not fit: found 1, expected a string");
        assert_eq!(finding.location(), "a.json");
        assert_eq!(Finding::new(Rule::Twins, "", "x").path, ".");
    }
}
