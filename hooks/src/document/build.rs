//! What a reader makes of the parts of a document.

use serde_json::{Map, Value};

/// One member of a mapping.
#[derive(Debug, Clone)]
pub(super) struct Member<N> {
    /// The key; what is no string in YAML is its text.
    pub key: String,
    /// Where the key begins.
    pub offset: usize,
    /// The value.
    pub node: N,
}

/// Makes nodes from the inside out.
pub(super) trait Build {
    /// What a part becomes.
    type Node: Clone;

    /// Makes a value without members.
    fn scalar(&self, offset: usize, value: impl FnOnce() -> Value) -> Self::Node;

    /// Makes a list.
    fn sequence(&self, offset: usize, items: Vec<Self::Node>) -> Self::Node;

    /// Makes a mapping of members whose keys differ.
    fn mapping(&self, offset: usize, members: Vec<Member<Self::Node>>) -> Self::Node;

    /// Returns what a YAML merge key brings in from a node: the members of a mapping, in order.
    fn members(&self, node: &Self::Node) -> Option<Vec<Member<Self::Node>>>;

    /// Returns the items of a list.
    fn items(&self, node: &Self::Node) -> Option<Vec<Self::Node>>;

    /// Returns the text that a node has as a key.
    fn key_text(&self, node: &Self::Node) -> String;
}

/// Makes values.
#[derive(Debug)]
pub(super) struct Values;

impl Build for Values {
    type Node = Value;

    fn scalar(&self, _offset: usize, value: impl FnOnce() -> Value) -> Value {
        value()
    }

    fn sequence(&self, _offset: usize, items: Vec<Value>) -> Value {
        Value::Array(items)
    }

    fn mapping(&self, _offset: usize, members: Vec<Member<Value>>) -> Value {
        Value::Object(members.into_iter().map(|member| (member.key, member.node)).collect::<Map<_, _>>())
    }

    fn members(&self, node: &Value) -> Option<Vec<Member<Value>>> {
        let member = |(key, node): (&String, &Value)| Member { key: key.clone(), offset: 0, node: node.clone() };
        Some(node.as_object()?.iter().map(member).collect())
    }

    fn items(&self, node: &Value) -> Option<Vec<Value>> {
        node.as_array().cloned()
    }

    fn key_text(&self, node: &Value) -> String {
        node.to_string()
    }
}
