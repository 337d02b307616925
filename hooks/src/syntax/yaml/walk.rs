//! The first pass: events of the parser, with their places.

use super::{
    number::{Misfit, is_number, misfit},
    weight::{Anchors, Recursive, Weight},
};
use crate::{
    Finding, Rule,
    check::{Document, Findings},
    document::kind_of,
    syntax::{
        DocumentBounds,
        keys::Keys,
        pointer::{Step, pointer_text},
    },
};
use configbus_model::at_most;
use serde_saphyr::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};
use std::borrow::Cow;

/// Adds everything that is wrong with `text` as far as events show it.
pub(super) fn walk(document: &Document<'_>, text: &str, bounds: &DocumentBounds, findings: &mut Findings) {
    let depth_max = bounds.depth_max;
    let mut options = granit_parser::options! {
        flow_nesting_limit: depth_max + 1,
        block_nesting_limit: depth_max + 1,
    };
    options.set_emit_comments(false);
    let (open, anchors) = (Vec::new(), Anchors::default());
    let mut walk = Walk { document, bounds, counts: Counts::default(), open, anchors, findings };
    for event in Parser::new_from_str_with_options(text, options) {
        let stopped = match event {
            Ok((event, span)) => walk.counted(event, span),
            Err(error) => Err(walk.scan_error(&error)),
        };
        if let Err(finding) = stopped {
            return walk.report(|_| *finding);
        }
    }
}

/// How too much of something is told.
struct Counted {
    rule: Rule,
    what: &'static str,
    unit: &'static str,
    key: &'static str,
    advice: &'static str,
}

const SPLIT: &str = "split it";
const WRITE_OUT: &str = "write more of it out, or split it";

/// In the order in which they are counted.
const COUNTED: [Counted; 8] = [
    Counted {
        rule: Rule::DocumentValues,
        what: "file has too many values",
        unit: "values",
        key: "gate.document_values_max",
        advice: SPLIT,
    },
    size("file has too many values, keys and ends of lists and mappings", "events", "gate.yaml.events_max"),
    size("file holds too many documents", "documents", "gate.yaml.documents_max"),
    aliases("file has too many aliases", "aliases", "gate.yaml.aliases_max"),
    aliases("file has too many anchors", "anchors", "gate.yaml.aliases_max"),
    aliases("aliases bring in too many nodes", "nodes", "gate.yaml.alias_nodes_max"),
    aliases("aliases bring in too much text", "bytes", "gate.yaml.alias_bytes_max"),
    aliases("file has too many merge keys", "merge keys", "gate.yaml.merge_keys_max"),
];

const fn size(what: &'static str, unit: &'static str, key: &'static str) -> Counted {
    Counted { rule: Rule::YamlSize, what, unit, key, advice: SPLIT }
}

const fn aliases(what: &'static str, unit: &'static str, key: &'static str) -> Counted {
    Counted { rule: Rule::YamlAliases, what, unit, key, advice: WRITE_OUT }
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

/// How often something was seen.
#[derive(Default)]
struct Counts {
    events: usize,
    documents: usize,
    values: usize,
    aliases: usize,
    merge_keys: usize,
}

struct Walk<'a, 'd> {
    document: &'d Document<'d>,
    bounds: &'d DocumentBounds,
    counts: Counts,
    open: Vec<Open<'a>>,
    anchors: Anchors,
    findings: &'d mut Findings,
}

impl<'a> Walk<'a, '_> {
    fn counted(&mut self, event: Event<'a>, span: Span) -> Stopped {
        self.counts.events += 1;
        let offset = offset_of(&span);
        self.event(event, span)?;
        self.check_counts(offset)
    }

    fn check_counts(&self, offset: usize) -> Stopped {
        let (counts, yaml, Weight { nodes, bytes }) = (&self.counts, &self.bounds.yaml, self.anchors.expanded());
        let counted = [
            (counts.values, self.bounds.values_max),
            (counts.events, yaml.events_max),
            (counts.documents, yaml.documents_max),
            (counts.aliases, yaml.aliases_max),
            (self.anchors.len(), yaml.aliases_max),
            (nodes, yaml.alias_nodes_max),
            (bytes, yaml.alias_bytes_max),
            (counts.merge_keys, yaml.merge_keys_max),
        ];
        let Some(at) = counted.iter().position(|(found, max)| found > max) else { return Ok(()) };
        let ((found, max), Counted { rule, what, unit, key, advice }) = (counted[at], &COUNTED[at]);
        let finding = self.document.finding_at(*rule, offset, format!("{what}; {advice}"));
        Err(Box::new(finding.found(format!("{found} {unit} up to here")).expected(at_most(max, unit, key))))
    }

    fn event(&mut self, event: Event<'a>, span: Span) -> Stopped {
        let offset = offset_of(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let weight = Weight::of_node(text.len());
                self.anchors.finish(anchor, weight, Some(&text));
                let (is_plain, is_key) = (style == ScalarStyle::Plain, self.is_key_next());
                self.counts.merge_keys += usize::from(is_plain && tag.is_none() && is_key && text == "<<");
                // A key is text, unless an alias stands for it where it is a value.
                if !is_key || anchor != 0 {
                    match tag.as_deref().and_then(kind_of) {
                        Some("int" | "float") => self.number(&text, offset),
                        Some("bool") => self.word(&text, offset),
                        None if is_plain => self.number(&text, offset),
                        _ => {}
                    }
                }
                self.node(weight, Some(text), offset);
            }
            Event::Alias(anchor) => {
                self.counts.aliases += 1;
                let expanded = self.anchors.expand(anchor).map_err(|Recursive| self.recursive_alias(offset))?;
                self.node(expanded.0, expanded.1.map(Cow::Owned), offset);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, Content::Sequence { index: 0 }, offset)?,
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, Content::Mapping { keys: Keys::default(), key: None }, offset)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(offset),
            Event::DocumentStart(..) => self.counts.documents += 1,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, content: Content<'a>, offset: usize) -> Stopped {
        if self.open.len() >= self.bounds.depth_max {
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
        self.counts.values += usize::from(!self.is_key_next());
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
        if text.len() > self.bounds.number_bytes_max && is_number(text) {
            let bounds = self.bounds;
            let long = bounds.long_number(self.document, offset, text.len());
            return long.into_iter().for_each(|finding| self.report(|_| finding));
        }
        let (message, expected) = match misfit(text) {
            None => return,
            Some(Misfit::Integer) => {
                ("integer does not fit 64 bits", "an integer from -2^63 to 2^64-1, or quotes around it")
            }
            Some(Misfit::Float) => {
                ("number is infinite as a float", "a smaller one, or quotes around it if it is no number")
            }
            Some(Misfit::NotFinite) => (
                "number is not finite, and schemas, rules and JSON know no such number",
                "a finite number, null or a string",
            ),
            Some(Misfit::Ambiguous) => return self.ambiguous(text, offset),
        };
        self.report(|document| document.finding_at(Rule::YamlNumber, offset, message).found(text).expected(expected));
    }

    /// What has the tag of booleans is one to all readers only if it is written as one.
    fn word(&mut self, text: &str, offset: usize) {
        if misfit(text) == Some(Misfit::Ambiguous) {
            self.ambiguous(text, offset);
        }
    }

    fn ambiguous(&mut self, text: &str, offset: usize) {
        let message = "some readers take this for a number or a word, and others for text";
        let expected = "quotes around it, or a number in plain digits, or true, false or null in small letters";
        self.report(|document| {
            document.finding_at(Rule::YamlAmbiguous, offset, message).found(text).expected(expected)
        });
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

    fn recursive_alias(&self, offset: usize) -> Box<Finding> {
        let message = "alias stands inside what it stands for";
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
        self.bounds.too_deep(self.document, Rule::YamlDepth, offset)
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
