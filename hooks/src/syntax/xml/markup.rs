//! Tags, attributes, comments, instructions and references.

use super::{
    Stop,
    cursor::{Cursor, is_char},
};

/// An attribute with the place of its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) offset: usize,
    pub(super) value: &'a str,
    pub(super) value_offset: usize,
}

impl<'a> Cursor<'a> {
    /// Goes over attributes up to what ends the tag.
    pub(super) fn attributes(&mut self) -> Result<Vec<Attribute<'a>>, Stop> {
        let mut attributes = Vec::new();
        loop {
            let has_space = self.skip_space();
            if self.rest().is_empty() || self.rest().starts_with(['>', '/', '?']) {
                return Ok(attributes);
            }
            if !has_space {
                return Err(self.unexpected("a space, '>' or '/>'"));
            }
            attributes.push(self.attribute()?);
        }
    }

    fn attribute(&mut self) -> Result<Attribute<'a>, Stop> {
        let offset = self.offset();
        let name = self.name()?;
        self.skip_space();
        self.require("=")?;
        self.skip_space();
        let opened = self.offset();
        let quote = if self.skip("\"") {
            '"'
        } else if self.skip("'") {
            '\''
        } else {
            return Err(self.unexpected("a value in quotes"));
        };
        let value_offset = self.offset();
        let value = self.value(quote, opened)?;
        Ok(Attribute { name, offset, value, value_offset })
    }

    /// Goes over a value and the quote that closes it.
    fn value(&mut self, quote: char, opened: usize) -> Result<&'a str, Stop> {
        let from_here = self.rest();
        let mut length = 0;
        loop {
            length += self.take_before(&[quote, '<', '&']).len();
            let special = self.offset();
            if self.skip("&") {
                self.reference()?;
                length += self.offset() - special;
            } else if self.rest().starts_with('<') {
                return Err(self.stop(
                    special,
                    "value of an attribute has a '<'",
                    "&lt;, or a quote that closes the value",
                ));
            } else if self.rest().is_empty() {
                return Err(self.stop(opened, "quote is never closed", "a closing quote"));
            } else {
                self.take_char();
                return Ok(&from_here[..length]);
            }
        }
    }

    /// Goes over a comment after its `<!--`.
    pub(super) fn comment(&mut self, start: usize) -> Result<(), Stop> {
        let inside = self.offset();
        let text = self.take_until("--", start, "comment is never closed")?;
        let dashes = inside + text.len();
        if self.skip(">") { Ok(()) } else { Err(self.stop(dashes, "comment has two dashes in it", "'-->'")) }
    }

    /// Goes over a processing instruction after its `<?`.
    pub(super) fn instruction(&mut self, start: usize) -> Result<(), Stop> {
        let target = self.name()?;
        if target.eq_ignore_ascii_case("xml") {
            return Err(self.stop(
                start,
                "XML declaration is not at the beginning",
                "it as the very first of the file",
            ));
        }
        if !self.rest().starts_with("?>") && !self.skip_space() {
            return Err(self.unexpected("a space or '?>'"));
        }
        self.take_until("?>", start, "instruction is never closed").map(drop)
    }

    /// Goes over the declaration after its `<?xml`, and returns the encoding it names.
    pub(super) fn declaration(&mut self, start: usize) -> Result<Option<Attribute<'a>>, Stop> {
        let attributes = self.attributes()?;
        self.require("?>")?;
        let names: Vec<_> = attributes.iter().map(|attribute| attribute.name).collect();
        let in_order = matches!(
            names[..],
            ["version"] | ["version", "encoding"] | ["version", "standalone"] | ["version", "encoding", "standalone"]
        );
        if !(in_order && attributes.iter().all(is_declarable)) {
            let expected = "version=\"1.0\", then encoding, then standalone=\"yes\" or \"no\"";
            return Err(self.stop(start, "XML declaration is malformed", expected));
        }
        Ok(attributes.into_iter().find(|attribute| attribute.name == "encoding"))
    }

    /// Goes over a reference after its `&`. One that only a declaration could define is noted.
    pub(super) fn reference(&mut self) -> Result<(), Stop> {
        let start = self.offset() - 1;
        if self.skip("#") {
            return self.character_reference(start);
        }
        let unfinished = "'&' begins no reference";
        let Ok(name) = self.name() else { return Err(self.stop(start, unfinished, "&amp;")) };
        if !self.skip(";") {
            return Err(self.stop(start, unfinished, "&amp;, or a ';' after the name"));
        }
        if !matches!(name, "lt" | "gt" | "amp" | "apos" | "quot") {
            self.note_unknown(start, name);
        }
        Ok(())
    }

    fn character_reference(&mut self, start: usize) -> Result<(), Stop> {
        let radix = if self.skip("x") { 16 } else { 10 };
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_digit(radix)).unwrap_or(rest.len());
        let character = u32::from_str_radix(&rest[..length], radix).ok().and_then(char::from_u32);
        if rest[length..].starts_with(';') && character.is_some_and(is_char) {
            self.take_before(&[';']);
            self.take_char();
            return Ok(());
        }
        Err(self.stop(start, "reference names no character", "such as &#252; or &#xfc;"))
    }
}

/// Returns whether an attribute of the XML declaration has a value it may have.
fn is_declarable(attribute: &Attribute<'_>) -> bool {
    let Attribute { name, value, .. } = attribute;
    match *name {
        "version" => value
            .strip_prefix("1.")
            .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())),
        "standalone" => matches!(*value, "yes" | "no"),
        _ => {
            let continues = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.bytes().all(continues)
        }
    }
}
