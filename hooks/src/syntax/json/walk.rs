//! The structural part: objects and arrays, their keys and their depth.

use super::{
    Stop,
    scanner::{Scanner, Token},
};
use crate::{
    Finding, Rule,
    check::{Document, Findings},
    syntax::{
        DocumentBounds,
        bounds::{TOO_DEEP, TOO_MANY_VALUES},
        keys::Keys,
        pointer::{Step, pointer_text},
    },
};
use std::borrow::Cow;

/// Adds everything that is wrong with `text`.
pub(super) fn walk(document: &Document<'_>, text: &str, bounds: &DocumentBounds, findings: &mut Findings) {
    let mut walk = Walk { document, scanner: Scanner::new(text), bounds, steps: Vec::new(), values: 0, findings };
    if let Err(stop) = walk.document() {
        let finding =
            document.finding_at(stop.rule, stop.offset, stop.message).found(stop.found).expected(stop.expected);
        let pointer = walk.pointer();
        walk.findings.add(finding.pointing(pointer));
    }
}

struct Walk<'a, 'd> {
    document: &'d Document<'d>,
    scanner: Scanner<'a>,
    bounds: &'d DocumentBounds,
    /// The way to the current value.
    steps: Vec<Step<Cow<'a, str>>>,
    values: usize,
    findings: &'d mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn document(&mut self) -> Result<(), Stop> {
        self.scanner.skip_space();
        self.value()?;
        self.scanner.skip_space();
        match self.scanner.peek() {
            None => Ok(()),
            Some(_) => Err(self.scanner.unexpected("the end of the file, one file holds one value")),
        }
    }

    fn value(&mut self) -> Result<(), Stop> {
        self.values += 1;
        if self.values > self.bounds.values_max {
            return Err(Stop {
                rule: Rule::DocumentValues,
                message: TOO_MANY_VALUES,
                found: self.bounds.values_found(),
                expected: self.bounds.values_expected().into(),
                ..self.scanner.unexpected("")
            });
        }
        match self.scanner.token()? {
            Token::Object => self.nested(Self::object),
            Token::Array => self.nested(Self::array),
            Token::String => self.scanner.string().map(drop),
            Token::Word => self.scanner.word(),
            Token::Number => self.number(),
        }
    }

    fn number(&mut self) -> Result<(), Stop> {
        let offset = self.scanner.offset();
        let misfit = self.scanner.number()?;
        let bounds = self.bounds;
        let long = bounds.long_number(self.document, offset, self.scanner.offset() - offset);
        if let Some(finding) = long {
            self.report(|_| finding);
        } else if let Some(number) = misfit {
            let message = "number does not fit 64 bits, and readers would see another one";
            let expected = "an integer from -2^63 to 2^64-1, a finite float, or a string";
            self.report(|document| {
                document.finding_at(Rule::JsonNumber, offset, message).found(number).expected(expected)
            });
        }
        Ok(())
    }

    /// Runs `inside` between two brackets.
    fn nested(&mut self, inside: fn(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        if self.steps.len() >= self.bounds.depth_max {
            return Err(Stop {
                rule: Rule::JsonDepth,
                message: TOO_DEEP,
                found: self.bounds.depth_found(),
                expected: self.bounds.depth_expected().into(),
                ..self.scanner.unexpected("")
            });
        }
        self.scanner.advance();
        self.scanner.skip_space();
        inside(self)
    }

    fn object(&mut self) -> Result<(), Stop> {
        let mut keys = Keys::default();
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key(&mut keys)?;
            self.steps.push(Step::Key(key));
            self.value()?;
            self.steps.pop();
            if self.ends(b'}', "',' or '}'", "a key in double quotes; no comma before '}'")? {
                return Ok(());
            }
        }
    }

    fn array(&mut self) -> Result<(), Stop> {
        if self.closes(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.steps.push(Step::Index(index));
            self.value()?;
            self.steps.pop();
            if self.ends(b']', "',' or ']'", "a value; no comma before ']'")? {
                break;
            }
        }
        Ok(())
    }

    /// Goes over a key and its colon.
    fn key(&mut self, keys: &mut Keys<'a>) -> Result<Cow<'a, str>, Stop> {
        let offset = self.scanner.offset();
        if self.scanner.peek() != Some(b'"') {
            return Err(self.scanner.unexpected("a key in double quotes"));
        }
        let key = self.scanner.string()?;
        if let Some(first) = keys.insert(key.clone(), offset) {
            self.steps.push(Step::Key(key.clone()));
            self.report(|document| {
                let first = document.place_text(first);
                let message =
                    format!("key {key:?} is there twice, first at {first}; readers would see only one of them");
                document.finding_at(Rule::JsonDuplicateKey, offset, message)
            });
            self.steps.pop();
        }
        self.scanner.skip_space();
        if self.scanner.peek() != Some(b':') {
            return Err(self.scanner.unexpected("':' after the key"));
        }
        self.scanner.advance();
        self.scanner.skip_space();
        Ok(key)
    }

    /// Goes over the bracket that closes an empty object or array.
    fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.scanner.peek() == Some(bracket);
        if closes {
            self.scanner.advance();
        }
        closes
    }

    /// Goes over what follows a member: a comma and more to come, or the closing bracket.
    fn ends(&mut self, bracket: u8, expected: &'static str, after_comma: &'static str) -> Result<bool, Stop> {
        self.scanner.skip_space();
        if self.closes(bracket) {
            return Ok(true);
        }
        if !self.closes(b',') {
            return Err(self.scanner.unexpected(expected));
        }
        self.scanner.skip_space();
        if self.scanner.peek() == Some(bracket) {
            return Err(self.scanner.unexpected(after_comma));
        }
        Ok(false)
    }

    fn report(&mut self, finding: impl FnOnce(&Document<'_>) -> Finding) {
        let Self { document, steps, findings, .. } = self;
        findings.add_with(|| finding(document).pointing(pointer_text(steps.iter().cloned())));
    }

    fn pointer(&self) -> String {
        pointer_text(self.steps.iter().cloned())
    }
}
