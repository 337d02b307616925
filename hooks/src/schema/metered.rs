//! Documents as the schema library sees them: the usual tree, each look at which is counted.

use super::meter::{count, count_text, look_at_stack};
use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, SerdeJson, cmp, unique},
};
use serde_json::{Map, Number, Value, map};
use std::{borrow::Cow, slice};

/// The representation.
#[derive(Debug)]
pub(crate) struct Metered;

/// One value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeteredNode<'a> {
    value: &'a Value,
    /// Whether errors about it hold a copy of it: of names, which stand nowhere else, and of the root where a pattern may
    /// be given up, because the library then looks into it.
    is_shown: bool,
}

impl<'a> MeteredNode<'a> {
    /// Wraps a whole document.
    pub(super) fn new(value: &'a Value) -> Self {
        Self { value, is_shown: false }
    }

    /// Wraps a whole document for a schema with patterns that may be given up.
    pub(super) fn shown(value: &'a Value) -> Self {
        Self { value, is_shown: true }
    }
}

impl Json for Metered {
    type Node<'a> = MeteredNode<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    const KEYS_PER_LOOKUP: usize = SerdeJson::KEYS_PER_LOOKUP;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(MeteredNode<'_>) -> T) -> T {
        SerdeJson::with_string_node(buffer, string, |value| f(MeteredNode::shown(value)))
    }
}

impl<'a> Node<'a, Metered> for MeteredNode<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        count(1);
        look_at_stack();
        self.value.as_object().map(Members)
    }

    fn as_array(&self) -> Option<Items<'a>> {
        count(1);
        look_at_stack();
        self.value.as_array().map(|items| Items(items))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        count(1);
        let text = self.value.as_str()?;
        count_text(text);
        Some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        count(1);
        self.value.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        count(1);
        self.value.as_bool()
    }

    fn is_null(&self) -> bool {
        count(1);
        self.value.is_null()
    }

    fn json_type(&self) -> JsonType {
        count(1);
        Node::<SerdeJson>::json_type(&self.value)
    }

    fn string_length(&self) -> Option<u64> {
        count(1 + self.value.as_str().map_or(0, str::len) as u64 / 64);
        Node::<SerdeJson>::string_length(&self.value)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        count(weight(expected));
        cmp::equal(self.value, expected)
    }

    /// Only errors ask for it, of which one may hold a copy for each branch of the schema: it is left out, as the place in
    /// the error leads to it.
    fn to_value(&self) -> Cow<'a, Value> {
        count(8);
        if self.is_shown { Cow::Borrowed(self.value) } else { Cow::Owned(Value::Null) }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        count(1);
        look_at_stack();
        Node::<SerdeJson>::identity(&self.value)
    }
}

/// What comparing with a value of the schema costs at most, roughly: its own size ends the comparison.
fn weight(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.len() as u64,
        Value::Object(members) => 1 + members.len() as u64,
        Value::String(text) => 1 + text.len() as u64 / 64,
        _ => 1,
    }
}

/// The members of a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = MeteredNode<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<MeteredNode<'a>> {
        count(1);
        self.0.get(key).map(MeteredNode::new)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter())
    }
}

/// Goes over members, whose names patterns may be tried on.
#[derive(Debug)]
pub(crate) struct MembersIter<'a>(map::Iter<'a>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, MeteredNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        count_text(name);
        Some((name, MeteredNode::new(value)))
    }
}

/// The items of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a>(&'a [Value]);

impl<'a> Array<'a, Metered> for Items<'a> {
    type Node = MeteredNode<'a>;
    type ElementsIter = ItemsIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> ItemsIter<'a> {
        ItemsIter(self.0.iter())
    }

    fn is_unique(&self) -> bool {
        count(self.0.iter().map(size).sum());
        unique::is_unique(self.0)
    }
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// Goes over items.
#[derive(Debug)]
pub(crate) struct ItemsIter<'a>(slice::Iter<'a, Value>);

impl<'a> Iterator for ItemsIter<'a> {
    type Item = MeteredNode<'a>;

    fn next(&mut self) -> Option<MeteredNode<'a>> {
        count(1);
        self.0.next().map(MeteredNode::new)
    }
}
