//! The document: a declaration, one root element with everything in it, and little else.

use super::{
    Stop,
    cursor::{Cursor, is_char},
    markup::Attribute,
};
use crate::{
    Rule,
    check::{Document, Findings},
    syntax::{DocumentBounds, bounds::TOO_DEEP},
};
use std::collections::HashSet;

/// Adds what reading can go on after, or returns what it cannot.
pub(super) fn walk(
    document: &Document<'_>,
    text: &str,
    bounds: &DocumentBounds,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let mut walk = Walk { document, cursor: Cursor::new(text), bounds, open: Vec::new(), findings };
    let result = walk.characters(text).and_then(|()| walk.document(text));
    walk.report_unknown_references();
    result
}

struct Walk<'a, 'd> {
    document: &'d Document<'d>,
    cursor: Cursor<'a>,
    bounds: &'d DocumentBounds,
    /// Names of the elements around the current place, with the places of their tags.
    open: Vec<(&'a str, usize)>,
    findings: &'d mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn characters(&self, text: &str) -> Result<(), Stop> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Some((at, _)) = text.char_indices().find(|(_, c)| !is_char(*c)) else { return Ok(()) };
        Err(self.cursor.stop(self.cursor.offset() + at, "XML does not allow this character", "another one"))
    }

    fn document(&mut self, text: &str) -> Result<(), Stop> {
        let start = self.cursor.offset();
        if self.cursor.rest().strip_prefix("<?xml").is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n'])) {
            self.cursor.skip("<?xml");
            if let Some(encoding) = self.cursor.declaration(start)? {
                self.encoding(&encoding, text.is_ascii())?;
            }
        }
        self.around_root()?;
        self.element()?;
        while !self.open.is_empty() {
            self.content()?;
        }
        self.around_root()?;
        if self.cursor.rest().is_empty() {
            Ok(())
        } else {
            Err(self.cursor.unexpected("the end of the file after the root element"))
        }
    }

    /// The file is UTF-8; a declaration that says otherwise only does no harm where there is nothing but ASCII.
    fn encoding(&self, encoding: &Attribute<'_>, is_ascii: bool) -> Result<(), Stop> {
        let name = encoding.value.to_ascii_lowercase();
        let extends_ascii =
            ["us-ascii", "ascii", "iso-8859-", "windows-125"].iter().any(|known| name.starts_with(known));
        if name == "utf-8" || (extends_ascii && is_ascii) {
            return Ok(());
        }
        let stop = self.cursor.stop(encoding.value_offset, "declared encoding is not that of the file", "UTF-8");
        Err(Stop { found: encoding.value.to_owned(), ..stop })
    }

    /// Goes over what may stand before and after the root element.
    fn around_root(&mut self) -> Result<(), Stop> {
        loop {
            self.cursor.skip_space();
            let start = self.cursor.offset();
            if self.cursor.skip("<!--") {
                self.cursor.comment(start)?;
            } else if self.cursor.skip("<?") {
                self.cursor.instruction(start)?;
            } else {
                return self.refuse_declaration();
            }
        }
    }

    fn refuse_declaration(&self) -> Result<(), Stop> {
        if self.cursor.rest().starts_with("<!DOCTYPE") {
            let message =
                "document type declarations are refused: they can name files, addresses and entities that explode";
            let stop = self.cursor.stop(self.cursor.offset(), message, "a document without one");
            return Err(Stop { rule: Rule::XmlDtd, ..stop });
        }
        Ok(())
    }

    /// Goes over an opening or empty tag.
    fn element(&mut self) -> Result<(), Stop> {
        let start = self.cursor.offset();
        self.cursor.require("<")?;
        let name = self.cursor.name()?;
        if self.open.len() >= self.bounds.depth_max {
            let stop = self.cursor.stop(start, TOO_DEEP, self.bounds.depth_expected());
            return Err(Stop { rule: Rule::XmlDepth, found: self.bounds.depth_found(), ..stop });
        }
        let attributes = self.cursor.attributes()?;
        self.report_twins(&attributes);
        if self.cursor.skip("/>") {
            return Ok(());
        }
        self.cursor.require(">")?;
        self.open.push((name, start));
        Ok(())
    }

    /// Goes over one thing inside an element.
    fn content(&mut self) -> Result<(), Stop> {
        let text_start = self.cursor.offset();
        let text = self.cursor.take_before(&['<', '&']);
        if let Some(at) = text.find("]]>") {
            return Err(self.cursor.stop(text_start + at, "text has a ']]>'", "]]&gt;"));
        }
        let start = self.cursor.offset();
        if self.cursor.skip("&") {
            self.cursor.reference()
        } else if self.cursor.skip("</") {
            self.closing_tag(start)
        } else if self.cursor.skip("<!--") {
            self.cursor.comment(start)
        } else if self.cursor.skip("<![CDATA[") {
            self.cursor.take_until("]]>", start, "CDATA section is never closed").map(drop)
        } else if self.cursor.skip("<?") {
            self.cursor.instruction(start)
        } else if self.cursor.rest().is_empty() {
            Err(self.never_closed())
        } else {
            self.refuse_declaration()?;
            self.element()
        }
    }

    fn closing_tag(&mut self, start: usize) -> Result<(), Stop> {
        let name = self.cursor.name()?;
        self.cursor.skip_space();
        self.cursor.require(">")?;
        match self.open.pop() {
            Some((open, _)) if open == name => Ok(()),
            open => {
                let expected = open.map_or_else(String::new, |(open, at)| {
                    format!("</{open}> for the element at {}", self.document.place_text(at))
                });
                let stop = self.cursor.stop(start, "another element is open", expected);
                Err(Stop { found: format!("</{name}>"), ..stop })
            }
        }
    }

    fn never_closed(&self) -> Stop {
        let (name, start) = *self.open.last().expect("content is only read inside an element");
        let stop = self.cursor.stop(start, "element is never closed", format!("</{name}>"));
        Stop { found: "end of file".to_owned(), ..stop }
    }

    fn report_twins(&mut self, attributes: &[Attribute<'_>]) {
        let mut names = HashSet::with_capacity(attributes.len());
        for attribute in attributes {
            if !names.insert(attribute.name) {
                let document = self.document;
                self.findings.add_with(|| {
                    let message = "attribute is there twice in one tag";
                    document.finding_at(Rule::XmlSyntax, attribute.offset, message).found(attribute.name)
                });
            }
        }
    }

    fn report_unknown_references(&mut self) {
        for (offset, name) in self.cursor.unknown_references() {
            let document = self.document;
            self.findings.add_with(|| {
                let message = "entity is unknown, and no declaration can define it";
                let finding = document.finding_at(Rule::XmlSyntax, *offset, message).found(format!("&{name};"));
                finding.expected("the character itself, or &amp; for a plain '&'")
            });
        }
    }
}
