//! YAML into nodes: every document of the stream, aliases replaced, merge keys merged.
//!
//! How much aliases bring in is bounded by the check of syntax, which comes first.

use super::{
    build::{Build, Member},
    scalar,
};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span, Tag};
use std::collections::{HashMap, HashSet};

/// Nesting that any file which passed the check of syntax stays below.
const DEPTH_MAX: usize = 1_000;

/// Returns the documents of a file.
pub(super) fn read<B: Build>(text: &str, build: &B) -> Option<Vec<B::Node>> {
    let mut options = granit_parser::options! { flow_nesting_limit: DEPTH_MAX, block_nesting_limit: DEPTH_MAX };
    options.set_emit_comments(false);
    let mut reader = Reader { build, open: Vec::new(), anchors: HashMap::new(), documents: Vec::new() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        reader.event(event, &span)?;
    }
    Some(reader.documents)
}

struct Reader<'b, B: Build> {
    build: &'b B,
    open: Vec<Open<B::Node>>,
    anchors: HashMap<usize, Written<B::Node>>,
    documents: Vec<B::Node>,
}

/// A node with what it is as a key, if it is a scalar.
#[derive(Clone)]
struct Written<N> {
    node: N,
    key: Option<Key>,
    offset: usize,
}

#[derive(Clone)]
struct Key {
    text: String,
    is_merge: bool,
}

/// A collection whose end has not come yet.
struct Open<N> {
    anchor: usize,
    offset: usize,
    content: Content<N>,
}

enum Content<N> {
    Sequence(Vec<N>),
    Mapping { members: Vec<Member<N>>, merged: Vec<N>, key: Option<Written<N>> },
}

impl<B: Build> Reader<'_, B> {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let offset = span.byte_range().map_or(0, |range| range.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let written = self.scalar(&text, style, tag.as_deref(), offset);
                self.finish(anchor, written);
            }
            Event::Alias(anchor) => {
                let aliased = self.anchors.get(&anchor)?.clone();
                self.place(aliased);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, offset, Content::Sequence(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, offset, Content::Mapping { members: Vec::new(), merged: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let (anchor, written) = (open.anchor, self.close(open));
                self.finish(anchor, written);
            }
            _ => {}
        }
        Some(())
    }

    fn begin(&mut self, anchor: usize, offset: usize, content: Content<B::Node>) {
        self.open.push(Open { anchor, offset, content });
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, offset: usize) -> Written<B::Node> {
        let is_plain = style == ScalarStyle::Plain;
        let node = self.build.scalar(offset, || match tag.and_then(kind_of) {
            Some(kind) => scalar::tagged(kind, text),
            None if is_plain => scalar::plain(text),
            None => text.into(),
        });
        let key = Key { text: text.to_owned(), is_merge: is_plain && tag.is_none() && text == "<<" };
        Written { node, key: Some(key), offset }
    }

    fn close(&self, open: Open<B::Node>) -> Written<B::Node> {
        let offset = open.offset;
        let node = match open.content {
            Content::Sequence(items) => self.build.sequence(offset, items),
            Content::Mapping { members, merged, .. } => self.build.mapping(offset, self.merge(members, &merged)),
        };
        Written { node, key: None, offset }
    }

    /// Adds what merge keys bring in: a member of the mapping itself wins, then the one that is merged first.
    fn merge(&self, mut members: Vec<Member<B::Node>>, merged: &[B::Node]) -> Vec<Member<B::Node>> {
        if merged.is_empty() {
            return members;
        }
        let mut known: HashSet<String> = members.iter().map(|member| member.key.clone()).collect();
        for source in merged {
            let sources = self.build.items(source).unwrap_or_else(|| vec![source.clone()]);
            let brought = sources.iter().filter_map(|source| self.build.members(source)).flatten();
            members.extend(brought.filter(|member| known.insert(member.key.clone())));
        }
        members
    }

    /// Remembers a node by its anchor and puts it where it stands; zero is no anchor.
    fn finish(&mut self, anchor: usize, written: Written<B::Node>) {
        if anchor != 0 {
            self.anchors.insert(anchor, written.clone());
        }
        self.place(written);
    }

    fn place(&mut self, written: Written<B::Node>) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(written.node),
            Some(Content::Sequence(items)) => items.push(written.node),
            Some(Content::Mapping { members, merged, key }) => match key.take() {
                None => *key = Some(written),
                Some(Written { key: Some(Key { is_merge: true, .. }), .. }) => merged.push(written.node),
                Some(Written { node, key, offset }) => {
                    let key = key.map_or_else(|| self.build.key_text(&node), |key| key.text);
                    members.push(Member { key, offset, node: written.node });
                }
            },
        }
    }
}

/// Returns what a tag makes of a scalar, if it has a say; any other tag leaves it what it is without one. The reader of Rust
/// hosts takes `!int` for `!!int`, and keeps what is binary or has the tag `!` alone as text.
pub(crate) fn kind_of(tag: &Tag) -> Option<&'static str> {
    const NAMESPACE: &str = "tag:yaml.org,2002:";
    let written = tag.to_string();
    let name = written.strip_prefix(NAMESPACE).unwrap_or(&written).trim_start_matches('!');
    match tag.core_suffix().unwrap_or(name) {
        "" | "binary" => Some("str"),
        name => scalar::KINDS.into_iter().find(|kind| *kind == name),
    }
}
