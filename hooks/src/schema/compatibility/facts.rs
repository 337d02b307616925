//! Schemas as they are compared: references followed, conjunctions taken apart.

use super::super::{closure::Closure, loaded::uri_of, reference::without_fragment};
use jsonschema::{Draft, JsonType, Uri, uri};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A schema with everything it refers to, by URI.
pub(super) struct Documents<'c> {
    root: &'c Value,
    root_uri: String,
    by_uri: BTreeMap<String, &'c Value>,
    /// Its draft.
    pub(super) draft: Draft,
}

/// One schema, where it stands in the file of the root, and what its references are resolved against.
#[derive(Debug, Clone)]
pub(super) struct Place<'c> {
    pub(super) schema: &'c Value,
    /// Pointer in the root's file, or URI and pointer in another.
    pub(super) pointer: String,
    base: String,
}

impl<'c> Documents<'c> {
    pub(super) fn of(closure: &'c Closure) -> Self {
        let root_uri = uri_of(&closure.root.path);
        let mut by_uri = BTreeMap::new();
        let others = closure.resources.iter().map(|(uri, loaded)| (uri.as_str(), loaded));
        for (uri, loaded) in std::iter::once((root_uri.as_str(), &closure.root)).chain(others) {
            for (resource, pointer) in loaded.outline(uri).resources {
                if let Some(value) = loaded.value.pointer(&pointer) {
                    by_uri.entry(resource).or_insert(value);
                }
            }
        }
        let draft = Draft::default().detect(&closure.root.value);
        Self { root: &closure.root.value, root_uri, by_uri, draft }
    }

    pub(super) fn root(&self) -> Place<'c> {
        Place { schema: self.root, pointer: String::new(), base: self.root_uri.clone() }
    }

    /// Returns what a reference leads to; `None` if that is an anchor or something else that is not followed here.
    pub(super) fn follow(&self, from: &Place<'c>, reference: &str) -> Option<Place<'c>> {
        let base: Uri<String> = uri::from_str(&from.base).ok()?;
        let target = uri::resolve_against(&base.borrow(), reference).ok()?;
        let resource = without_fragment(&target);
        let fragment = target.as_str().split_once('#').map_or("", |(_, fragment)| fragment);
        let pointer = percent_decode_str(fragment).decode_utf8().ok()?.into_owned();
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return None;
        }
        let document = self.by_uri.get(&resource).copied()?;
        let schema = document.pointer(&pointer)?;
        let pointer = if std::ptr::eq(document, self.root) { pointer } else { format!("{resource}#{pointer}") };
        Some(Place { schema, pointer, base: resource })
    }
}

impl<'c> Place<'c> {
    /// Returns a schema inside.
    pub(super) fn inside(&self, steps: &[&str], schema: &'c Value) -> Self {
        let mut pointer = self.pointer.clone();
        for step in steps {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        let own =
            schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str).filter(|id| !id.starts_with('#'));
        let own = own.and_then(|id| uri::resolve_against(&uri::from_str(&self.base).ok()?.borrow(), id).ok());
        Self { schema, pointer, base: own.map_or_else(|| self.base.clone(), |own| without_fragment(&own)) }
    }

    pub(super) fn members(&self) -> Option<&'c Map<String, Value>> {
        self.schema.as_object()
    }

    /// Returns the schema that a keyword holds.
    pub(super) fn keyword(&self, keyword: &str) -> Option<Self> {
        let schema = self.members()?.get(keyword)?;
        Some(self.inside(&[keyword], schema))
    }

    /// Returns the schemas that a keyword lists.
    pub(super) fn listed(&self, keyword: &str) -> Vec<Self> {
        let list = self.members().and_then(|members| members.get(keyword)).and_then(Value::as_array);
        let item = |(at, schema): (usize, &'c Value)| self.inside(&[keyword, &at.to_string()], schema);
        list.into_iter().flatten().enumerate().map(item).collect()
    }

    /// Returns the schemas that a keyword names.
    pub(super) fn named(&self, keyword: &str) -> BTreeMap<&'c str, Self> {
        let named = self.members().and_then(|members| members.get(keyword)).and_then(Value::as_object);
        let item = |(name, schema): (&'c String, &'c Value)| (name.as_str(), self.inside(&[keyword, name], schema));
        named.into_iter().flatten().map(item).collect()
    }

    /// Returns an identity, for schemas that refer to themselves.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self.schema) as usize
    }
}

/// Types of values; whole numbers count apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const ALL: Self = Self(0x7f);
    pub(super) const NONE: Self = Self(0);
    pub(super) const NUMBERS: Self = Self(0b11);
    pub(super) const STRING: Self = Self(0b100);
    pub(super) const ARRAY: Self = Self(0b1000);
    pub(super) const OBJECT: Self = Self(0b1_0000);

    /// Returns the types that a `type` keyword names.
    pub(super) fn named(value: &Value) -> Self {
        let one = |name: &Value| match name.as_str() {
            Some("integer") => 0b1,
            Some("number") => 0b11,
            Some("string") => 0b100,
            Some("array") => 0b1000,
            Some("object") => 0b1_0000,
            Some("boolean") => 0b10_0000,
            Some("null") => 0b100_0000,
            _ => 0,
        };
        match value {
            Value::Array(names) => Self(names.iter().map(one).fold(0, |all, one| all | one)),
            name => Self(one(name)),
        }
    }

    /// Returns the type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match JsonType::from(value) {
            JsonType::Number if value.as_f64().is_some_and(|number| number.fract() == 0.0) => Self(0b1),
            JsonType::Integer => Self(0b1),
            JsonType::Number => Self(0b10),
            JsonType::String => Self::STRING,
            JsonType::Array => Self::ARRAY,
            JsonType::Object => Self::OBJECT,
            JsonType::Boolean => Self(0b10_0000),
            JsonType::Null => Self(0b100_0000),
        }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
