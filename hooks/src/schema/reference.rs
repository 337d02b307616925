//! What one schema refers to, names and matches with: found by one walk before the schema is compiled.

use jsonschema::{Draft, Uri, uri};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A reference to another resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// As it is written.
    pub written: String,
    /// The resource it means, without its fragment; `None` if it is no URI at all.
    pub resource: Option<String>,
    /// Where the keyword stands.
    pub pointer: String,
    /// Whether it stands where a schema must stand, so that it matters for sure.
    pub is_certain: bool,
}

/// What a walk over one schema found.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Resources that it holds: its own URI and those of every `$id`, with the pointer.
    pub resources: BTreeMap<String, String>,
    /// References that leave the resource they stand in.
    pub references: Vec<Reference>,
    /// How many references there are, those within a resource included.
    pub references_total: usize,
    /// Different patterns.
    pub patterns: BTreeSet<String>,
}

/// Keywords whose values are data, in which nothing is a schema.
const DATA: [&str; 5] = ["const", "enum", "default", "examples", "example"];

/// Keywords whose members are schemas under names that mean nothing.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

/// Keywords whose value is a schema or a list of schemas.
const NESTED: [&str; 18] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "extends",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "disallow",
];

impl Outline {
    /// Walks over a schema that stands at `base`.
    pub(super) fn of(schema: &Value, base: &Uri<String>) -> Self {
        let mut outline = Self::default();
        outline.resources.insert(without_fragment(base), String::new());
        let draft = Draft::default().detect(schema);
        Walk { outline: &mut outline, pointer: String::new(), draft }.schema(schema, base, true);
        outline
    }
}

/// Returns a URI up to its fragment.
pub(super) fn without_fragment(uri: &Uri<String>) -> String {
    uri.as_str().split('#').next().unwrap_or_default().to_owned()
}

struct Walk<'o> {
    outline: &'o mut Outline,
    pointer: String,
    draft: Draft,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, base: &Uri<String>, is_certain: bool) {
        match schema {
            Value::Object(members) => self.object(members, base, is_certain),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.inside(&index.to_string(), |walk| walk.schema(item, base, is_certain));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, members: &Map<String, Value>, base: &Uri<String>, is_certain: bool) {
        let own = self.own_base(members, base);
        let base = own.as_ref().unwrap_or(base);
        for (keyword, value) in members {
            self.inside(keyword, |walk| walk.keyword(keyword, value, base, is_certain));
        }
    }

    /// Returns the URI that a schema gives itself. Up to draft 7 everything beside a `$ref` is ignored, names too.
    fn own_base(&mut self, members: &Map<String, Value>, base: &Uri<String>) -> Option<Uri<String>> {
        let ignores = matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        if ignores && members.get("$ref").is_some_and(Value::is_string) {
            return None;
        }
        let id = members.get(self.draft.id_keyword())?.as_str()?;
        let own = uri::resolve_against(&base.borrow(), id).ok()?;
        self.outline.resources.entry(without_fragment(&own)).or_insert_with(|| self.pointer.clone());
        Some(own)
    }

    fn keyword(&mut self, keyword: &str, value: &Value, base: &Uri<String>, is_certain: bool) {
        match (keyword, value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(written)) => {
                self.reference(written, base, is_certain);
            }
            ("pattern", Value::String(pattern)) => {
                self.outline.patterns.insert(pattern.clone());
            }
            (_, Value::Object(members)) if NAMED.contains(&keyword) => {
                if keyword == "patternProperties" {
                    self.outline.patterns.extend(members.keys().cloned());
                }
                for (name, schema) in members {
                    self.inside(name, |walk| walk.schema(schema, base, is_certain));
                }
            }
            _ if DATA.contains(&keyword) => {}
            _ => self.schema(value, base, is_certain && NESTED.contains(&keyword)),
        }
    }

    fn reference(&mut self, written: &str, base: &Uri<String>, is_certain: bool) {
        self.outline.references_total += 1;
        let resource = uri::resolve_against(&base.borrow(), written).ok().map(|uri| without_fragment(&uri));
        if resource.as_deref() == Some(&without_fragment(base)) {
            return;
        }
        let pointer = self.pointer.clone();
        self.outline.references.push(Reference { written: written.to_owned(), resource, pointer, is_certain });
    }

    fn inside(&mut self, step: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        walk(self);
        self.pointer.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_references(schema: &Value) -> Vec<(String, String, bool)> {
        let base = uri::from_str("configbus:///a/b.json").unwrap();
        let outline = Outline::of(schema, &base);
        let found = outline.references.into_iter();
        found.map(|r| (r.pointer, r.resource.unwrap_or_default(), r.is_certain)).collect()
    }

    #[test]
    fn references_are_resolved_against_what_they_stand_in() {
        let schema = json!({
            "$id": "https://example.com/root.json",
            "$defs": {
                "own": {"$id": "inner/one.json", "items": {"$ref": "two.json#/x"}},
                "local": {"$ref": "#/$defs/own"},
            },
            "properties": {"$ref": {"$ref": "three.json"}},
            "x-note": {"$ref": "four.json"},
        });
        let expected = [
            ("/$defs/own/items/$ref", "https://example.com/inner/two.json", true),
            ("/properties/$ref/$ref", "https://example.com/three.json", true),
            ("/x-note/$ref", "https://example.com/four.json", false),
        ];
        let expected = expected.map(|(pointer, uri, is_certain)| (pointer.to_owned(), uri.to_owned(), is_certain));
        assert_eq!(check_references(&schema), expected);
    }

    #[test]
    fn data_holds_no_references() {
        let schema = json!({"const": {"$ref": "x"}, "enum": [{"$ref": "x"}], "default": {"$ref": "x"}});
        assert_eq!(check_references(&schema), []);
    }

    #[test]
    fn names_beside_a_reference_count_since_2019() {
        let beside = |draft: &str| json!({"$schema": draft, "items": {"$id": "/c/d.json", "$ref": "e.json"}});
        let resource = |schema| check_references(&schema).pop().unwrap().1;
        assert_eq!(resource(beside("http://json-schema.org/draft-07/schema#")), "configbus:///a/e.json");
        assert_eq!(resource(beside("https://json-schema.org/draft/2020-12/schema")), "configbus:///c/e.json");
    }

    #[test]
    fn patterns_are_gathered() {
        let schema = json!({"properties": {"pattern": {"pattern": "^a"}}, "patternProperties": {"^b": {}}});
        let outline = Outline::of(&schema, &uri::from_str("configbus:///a").unwrap());
        assert_eq!(outline.patterns, ["^a", "^b"].map(str::to_owned).into());
    }
}
