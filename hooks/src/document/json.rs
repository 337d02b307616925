//! JSON into nodes, by the scanner that the check of syntax uses.

use super::build::{Build, Member};
use crate::syntax::json::scanner::{Scanner, Token};
use serde_json::Value;

/// Returns the one document of a file.
pub(super) fn read<B: Build>(text: &str, build: &B) -> Option<B::Node> {
    let mut reader = Reader { text, scanner: Scanner::new(text), build };
    reader.scanner.skip_space();
    reader.value()
}

struct Reader<'t, 'b, B> {
    text: &'t str,
    scanner: Scanner<'t>,
    build: &'b B,
}

impl<B: Build> Reader<'_, '_, B> {
    fn value(&mut self) -> Option<B::Node> {
        let offset = self.scanner.offset();
        match self.scanner.token().ok()? {
            Token::Object => self.object(offset),
            Token::Array => self.array(offset),
            Token::String => {
                let string = self.scanner.string().ok()?;
                Some(self.build.scalar(offset, || Value::String(string.into_owned())))
            }
            Token::Number => {
                self.scanner.number().ok()?;
                Some(self.scalar(offset))
            }
            Token::Word => {
                self.scanner.word().ok()?;
                Some(self.scalar(offset))
            }
        }
    }

    /// Makes the number or word that was gone over.
    fn scalar(&self, offset: usize) -> B::Node {
        let written = &self.text[offset..self.scanner.offset()];
        self.build.scalar(offset, || serde_json::from_str(written).unwrap_or_default())
    }

    fn object(&mut self, offset: usize) -> Option<B::Node> {
        let mut members = Vec::new();
        self.enter();
        while self.scanner.peek()? != b'}' {
            let at = self.scanner.offset();
            let key = self.scanner.string().ok()?.into_owned();
            self.skip_mark()?;
            members.push(Member { key, offset: at, node: self.value()? });
            self.skip_comma();
        }
        self.scanner.advance();
        Some(self.build.mapping(offset, members))
    }

    fn array(&mut self, offset: usize) -> Option<B::Node> {
        let mut items = Vec::new();
        self.enter();
        while self.scanner.peek()? != b']' {
            items.push(self.value()?);
            self.skip_comma();
        }
        self.scanner.advance();
        Some(self.build.sequence(offset, items))
    }

    /// Goes over a bracket or another mark.
    fn enter(&mut self) {
        self.scanner.advance();
        self.scanner.skip_space();
    }

    /// Goes over the colon after a key.
    fn skip_mark(&mut self) -> Option<()> {
        self.scanner.skip_space();
        (self.scanner.peek()? == b':').then(|| self.enter())
    }

    /// Goes over the comma after a member, if there is one.
    fn skip_comma(&mut self) {
        self.scanner.skip_space();
        if self.scanner.peek() == Some(b',') {
            self.enter();
        }
    }
}
