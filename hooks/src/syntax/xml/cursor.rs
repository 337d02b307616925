//! A place in the text, and the smallest things that stand there.

use super::Stop;
use crate::{Rule, syntax::describe};

/// Reads XML's smallest parts, one after the other.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    unknown: Vec<(usize, &'a str)>,
}

impl<'a> Cursor<'a> {
    /// Starts after a byte order mark, which XML allows.
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at, unknown: Vec::new() }
    }

    /// Returns the place of the next byte.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Returns everything from here.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes over `literal` if it stands here.
    pub(super) fn skip(&mut self, literal: &str) -> bool {
        let is_there = self.rest().starts_with(literal);
        self.at += if is_there { literal.len() } else { 0 };
        is_there
    }

    /// Goes over `literal`, which must stand here.
    pub(super) fn require(&mut self, literal: &str) -> Result<(), Stop> {
        if self.skip(literal) { Ok(()) } else { Err(self.unexpected(format!("'{literal}'"))) }
    }

    /// Goes over white space and returns whether there was any.
    pub(super) fn skip_space(&mut self) -> bool {
        let trimmed = self.rest().trim_start_matches([' ', '\t', '\r', '\n']);
        let end = self.text.len() - trimmed.len();
        let moved = end > self.at;
        self.at = end;
        moved
    }

    /// Goes over everything up to `end`, and over that; returns what was before it.
    pub(super) fn take_until(&mut self, end: &str, start: usize, message: &'static str) -> Result<&'a str, Stop> {
        let Some(length) = self.rest().find(end) else {
            return Err(self.stop(start, message, format!("'{end}'")));
        };
        let taken = &self.rest()[..length];
        self.at += length + end.len();
        Ok(taken)
    }

    /// Goes over characters up to one of these or the end; returns them.
    pub(super) fn take_before(&mut self, ends: &[char]) -> &'a str {
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    /// Goes over one character.
    pub(super) fn take_char(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    /// Notes a reference that nothing defines.
    pub(super) fn note_unknown(&mut self, offset: usize, name: &'a str) {
        self.unknown.push((offset, name));
    }

    /// Returns the references that nothing defines.
    pub(super) fn unknown_references(&self) -> &[(usize, &'a str)] {
        &self.unknown
    }

    /// Goes over a name.
    pub(super) fn name(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let mut chars = rest.char_indices();
        if !chars.next().is_some_and(|(_, c)| starts_name(c)) {
            return Err(self.unexpected("a name"));
        }
        let length = chars.find(|(_, c)| !continues_name(*c)).map_or(rest.len(), |(at, _)| at);
        self.at += length;
        Ok(&rest[..length])
    }

    /// Something else stands here than what must.
    pub(super) fn unexpected(&self, expected: impl Into<String>) -> Stop {
        let (offset, message) = match self.rest() {
            "" => (self.text.trim_end().len(), "file ends too early"),
            _ => (self.at, "unexpected character"),
        };
        Stop { found: describe(self.rest()), ..self.stop(offset, message, expected) }
    }

    /// Something is wrong at a place before.
    pub(super) fn stop(&self, offset: usize, message: &'static str, expected: impl Into<String>) -> Stop {
        let found = describe(&self.text[offset..]);
        Stop { offset, rule: Rule::XmlSyntax, message, found, expected: Some(expected.into()) }
    }
}

/// Returns whether XML allows a character at all.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
}

fn starts_name(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{1_0000}'..='\u{e_ffff}')
}

fn continues_name(c: char) -> bool {
    starts_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
