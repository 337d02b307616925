//! The first pass: events of the parser, with their places.

use super::{
    number::{Misfit, misfit},
    weight::{AliasError, Anchors, NODES_MAX, Weight},
};
use crate::{
    Finding, Rule,
    check::{Document, Findings},
    syntax::{
        keys::Keys,
        pointer::{Step, pointer_text},
    },
};
use serde_saphyr::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};
use std::borrow::Cow;

/// Most documents in one file.
pub(super) const DOCUMENTS_MAX: usize = 10_000;

/// Adds everything that is wrong with `text` as far as events show it.
pub(super) fn walk(document: &Document<'_>, text: &str, depth_max: usize, findings: &mut Findings) {
    let mut options = granit_parser::options! {
        flow_nesting_limit: depth_max + 1,
        block_nesting_limit: depth_max + 1,
    };
    options.set_emit_comments(false);
    let (open, anchors) = (Vec::new(), Anchors::default());
    let mut walk = Walk { document, depth_max, documents: 0, open, anchors, findings };
    for event in Parser::new_from_str_with_options(text, options) {
        let stopped = match event {
            Ok((event, span)) => walk.event(event, span),
            Err(error) => Err(walk.scan_error(&error)),
        };
        if let Err(finding) = stopped {
            return walk.report(|_| *finding);
        }
    }
}

/// A finding after which walking on makes no sense.
type Stopped = Result<(), Box<Finding>>;

/// A collection whose end has not come yet.
struct Open<'a> {
    anchor: usize,
    weight: Weight,
    content: Content<'a>,
}

enum Content<'a> {
    Sequence {
        index: usize,
    },
    /// The key is there while its value is awaited; a key that is no scalar has no text.
    Mapping {
        keys: Keys<'a>,
        key: Option<Cow<'a, str>>,
    },
}

struct Walk<'a, 'd> {
    document: &'d Document<'d>,
    depth_max: usize,
    documents: usize,
    open: Vec<Open<'a>>,
    anchors: Anchors,
    findings: &'d mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn event(&mut self, event: Event<'a>, span: Span) -> Stopped {
        let offset = offset_of(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let weight = Weight::of_node(text.len());
                self.anchors.finish(anchor, weight, Some(&text));
                if style == ScalarStyle::Plain && tag.is_none() && !self.is_key_next() {
                    self.number(&text, offset);
                }
                self.node(weight, Some(text), offset);
            }
            Event::Alias(anchor) => {
                let expanded = self.anchors.expand(anchor).map_err(|error| self.alias_error(error, offset))?;
                self.node(expanded.0, expanded.1.map(Cow::Owned), offset);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, Content::Sequence { index: 0 }, offset)?,
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, Content::Mapping { keys: Keys::default(), key: None }, offset)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(offset),
            Event::DocumentStart(..) => self.begin_document(offset)?,
            _ => {}
        }
        Ok(())
    }

    fn begin_document(&mut self, offset: usize) -> Stopped {
        self.documents += 1;
        if self.documents > DOCUMENTS_MAX {
            let finding = self.document.finding_at(Rule::YamlSyntax, offset, "file holds too many documents; split it");
            return Err(Box::new(finding.expected(format!("at most {DOCUMENTS_MAX}"))));
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, content: Content<'a>, offset: usize) -> Stopped {
        if self.open.len() >= self.depth_max {
            return Err(Box::new(self.too_deep(offset)));
        }
        self.open.push(Open { anchor, weight: Weight::of_node(0), content });
        Ok(())
    }

    fn end(&mut self, offset: usize) {
        if let Some(closed) = self.open.pop() {
            self.anchors.finish(closed.anchor, closed.weight, None);
            self.node(closed.weight, None, offset);
        }
    }

    /// A node is complete: it is a key, a value or an element of what is open.
    fn node(&mut self, weight: Weight, text: Option<Cow<'a, str>>, offset: usize) {
        let Some(open) = self.open.last_mut() else { return };
        open.weight += weight;
        match &mut open.content {
            Content::Sequence { index } => *index += 1,
            Content::Mapping { key: key @ Some(_), .. } => *key = None,
            Content::Mapping { keys, key } => {
                let twin = text.as_ref().and_then(|text| keys.insert(text.clone(), offset));
                *key = Some(text.unwrap_or_default());
                if let Some(first) = twin {
                    self.duplicate_key(first, offset);
                }
            }
        }
    }

    fn is_key_next(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn number(&mut self, text: &str, offset: usize) {
        let (message, expected) = match misfit(text) {
            None => return,
            Some(Misfit::Integer) => {
                ("integer does not fit 64 bits", "an integer from -2^63 to 2^64-1, or quotes around it")
            }
            Some(Misfit::Float) => ("number is infinite as a float", "quotes around it if it is no number, or .inf"),
        };
        self.report(|document| document.finding_at(Rule::YamlNumber, offset, message).found(text).expected(expected));
    }

    fn duplicate_key(&mut self, first: usize, offset: usize) {
        let hint = match self.open.last().map(|open| &open.content) {
            Some(Content::Mapping { key: Some(key), .. }) if key == "<<" => "; merge several with <<: [*a, *b]",
            _ => "; readers would see only one of them",
        };
        self.report(|document| {
            let message = format!("key is there twice, first at {}{hint}", document.place_text(first));
            document.finding_at(Rule::YamlDuplicateKey, offset, message)
        });
    }

    fn alias_error(&self, error: AliasError, offset: usize) -> Box<Finding> {
        let message = match error {
            AliasError::Recursive => "alias stands inside what it stands for".to_owned(),
            AliasError::TooMuch => {
                format!("aliases bring in more than {NODES_MAX} nodes or 16 MiB; write out less, or split the file")
            }
        };
        Box::new(self.document.finding_at(Rule::YamlAliases, offset, message))
    }

    fn scan_error(&self, error: &ScanError) -> Box<Finding> {
        let marker = error.marker();
        let offset = marker.byte_offset().unwrap_or_else(|| self.document.offset_of(marker.line(), marker.col() + 1));
        Box::new(match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(offset),
            _ => self.document.finding_at(Rule::YamlSyntax, offset, error.info()),
        })
    }

    fn too_deep(&self, offset: usize) -> Finding {
        let finding = self.document.finding_at(Rule::YamlDepth, offset, "document is nested too deep");
        finding.expected(format!("at most {} levels", self.depth_max))
    }

    fn report(&mut self, finding: impl FnOnce(&Document<'_>) -> Finding) {
        let Self { document, open, findings, .. } = self;
        let steps = open.iter().filter_map(|open| match &open.content {
            Content::Sequence { index } => Some(Step::Index(*index)),
            Content::Mapping { key, .. } => key.as_deref().map(Step::Key),
        });
        findings.add_with(|| finding(document).pointing(pointer_text(steps)));
    }
}

fn offset_of(span: &Span) -> usize {
    span.byte_range().map_or(0, |range| range.start)
}
