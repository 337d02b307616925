//! One file under check, and the list its problems go to.

use crate::{FINDINGS_LISTED_MAX, Finding, Rule, text::Text};

/// One file's path and content.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    path: &'a str,
    content: &'a [u8],
    text: Text<'a>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(path: &'a str, content: &'a [u8]) -> Self {
        Self { path, content, text: Text::new(content) }
    }

    /// Returns where it stands.
    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    /// Returns the content as it is.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.content
    }

    /// Returns a finding about the file as a whole.
    pub(crate) fn finding(&self, rule: Rule, message: impl Into<String>) -> Finding {
        Finding::new(rule, self.path, message)
    }

    /// Returns a finding about the place at a byte of the content.
    pub(crate) fn finding_at(&self, rule: Rule, offset: usize, message: impl Into<String>) -> Finding {
        self.finding(rule, message).at(self.text.place(offset), self.text.excerpt(offset))
    }

    /// Returns line and column of a byte as text, for messages that name a second place.
    pub(crate) fn place_text(&self, offset: usize) -> String {
        let place = self.text.place(offset);
        format!("line {}, column {}", place.line, place.column)
    }

    /// Returns the byte at a line and column, both counted from 1.
    pub(crate) fn offset_of(&self, line: usize, column: usize) -> usize {
        self.text.offset_of(line, column)
    }

    /// Returns the content as text, or adds where it stops being UTF-8.
    pub(crate) fn utf8(&self, findings: &mut Findings) -> Option<&'a str> {
        match std::str::from_utf8(self.content) {
            Ok(text) => Some(text),
            Err(error) => {
                let offset = error.valid_up_to();
                let message = "byte is not UTF-8; save the file as UTF-8";
                let found = self.content.get(offset).map(|byte| format!("0x{byte:02x}")).unwrap_or_default();
                findings.add(self.finding_at(Rule::Utf8, offset, message).found(found));
                None
            }
        }
    }

    /// Returns the content as text without a byte order mark, or adds what is wrong with the bytes.
    pub(crate) fn unmarked_utf8(&self, findings: &mut Findings) -> Option<&'a str> {
        let text = self.utf8(findings)?;
        if text.starts_with('\u{feff}') {
            let message = "file starts with a byte order mark, which many readers take for content; save it without";
            findings.add(self.finding_at(Rule::ByteOrderMark, 0, message));
            return None;
        }
        Some(text)
    }
}

/// Problems of one file: the first are kept, all are counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    total: usize,
}

impl Findings {
    /// Adds one.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.add_with(|| finding);
    }

    /// Adds one that is only made if it is kept: finding the place in a line of megabytes costs its length, and a file can
    /// have a problem every few bytes.
    pub(crate) fn add_with(&mut self, finding: impl FnOnce() -> Finding) {
        self.total += 1;
        if self.kept.len() < FINDINGS_LISTED_MAX {
            self.kept.push(finding());
        }
    }

    /// Counts problems that are not kept.
    pub(crate) fn add_unlisted(&mut self, count: usize) {
        self.total += count;
    }

    /// Returns whether nothing was found so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns the kept ones and how many more there were.
    pub(crate) fn into_parts(self) -> (Vec<Finding>, usize) {
        let unlisted = self.total - self.kept.len();
        (self.kept, unlisted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_placed() {
        let document = Document::new("a.json", b"{\n  \"\xff\"}");
        let mut findings = Findings::default();
        assert_eq!(document.utf8(&mut findings), None);
        let (found, _) = findings.into_parts();
        assert_eq!((found[0].location(), found[0].found.as_deref()), ("a.json:2:4".into(), Some("0xff")));
    }

    #[test]
    fn byte_order_marks_are_refused() {
        let document = Document::new("a.json", "\u{feff}{}".as_bytes());
        let mut findings = Findings::default();
        assert_eq!(document.unmarked_utf8(&mut findings), None);
        assert_eq!(findings.into_parts().0[0].rule, Rule::ByteOrderMark);
    }
}
