//! Documents are generated, written out in each format together with where every value stands, and read again.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// A file while it is written, with the places of what is in it.
#[derive(Debug, Default)]
struct Writer {
    text: String,
    pointer: String,
    places: BTreeMap<String, ValuePlace>,
    /// Varies the white space.
    dice: u64,
}

impl Writer {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn space(&mut self) {
        let space = ["", " ", "\n", " \t", "\r\n  "];
        let at = usize::try_from(self.roll(5)).unwrap();
        self.text.push_str(space[at]);
    }

    fn key(&mut self, key: &str) -> usize {
        let offset = self.text.len();
        self.text.push_str(&Value::from(key).to_string());
        offset
    }

    fn note(&mut self, key: Option<usize>) {
        self.note_at(self.text.len(), key);
    }

    fn note_at(&mut self, value: usize, key: Option<usize>) {
        self.places.insert(self.pointer.clone(), ValuePlace { value, key });
    }

    fn inside(&mut self, step: &str, write: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        let _ = write!(self.pointer, "/{}", step.replace('~', "~0").replace('/', "~1"));
        write(self);
        self.pointer.truncate(length);
    }

    fn json(&mut self, value: &Value, key: Option<usize>) {
        self.note(key);
        match value {
            Value::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.text.push_str(if index > 0 { "," } else { "" });
                    self.space();
                    self.inside(&index.to_string(), |writer| writer.json(item, None));
                    self.space();
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                self.text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    self.text.push_str(if index > 0 { "," } else { "" });
                    self.space();
                    let at = self.key(key);
                    self.space();
                    self.text.push(':');
                    self.space();
                    self.inside(key, |writer| writer.json(value, Some(at)));
                    self.space();
                }
                self.text.push('}');
            }
            scalar => self.text.push_str(&scalar.to_string()),
        }
    }

    /// Writes block collections, each of whose lines begins below the start of the one it is in.
    fn yaml(&mut self, value: &Value, key: Option<usize>, indent: usize) {
        match value {
            Value::Array(items) if !items.is_empty() => {
                self.line(indent);
                self.note(key);
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.line(indent);
                    }
                    self.text.push_str("- ");
                    self.inside(&index.to_string(), |writer| writer.yaml(item, None, indent + 2));
                }
            }
            Value::Object(members) if !members.is_empty() => {
                self.line(indent);
                self.note(key);
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        self.line(indent);
                    }
                    let at = self.key(key);
                    self.text.push_str(": ");
                    self.inside(key, |writer| writer.yaml(value, Some(at), indent + 2));
                }
            }
            scalar => {
                self.note(key);
                self.text.push_str(&scalar.to_string());
            }
        }
    }

    fn line(&mut self, indent: usize) {
        let comment = if self.roll(3) == 0 { " # note" } else { "" };
        let _ = write!(self.text, "{comment}\n{}", " ".repeat(indent));
    }

    /// Writes tables below headers, those in arrays in braces. A table with a header stands where its key does.
    fn toml(&mut self, table: &Map<String, Value>, header: &str) {
        for (key, value) in table.iter().filter(|(_, value)| !value.is_object()) {
            let at = self.key(key);
            self.text.push_str(" = ");
            self.inside(key, |writer| writer.toml_inline(value, Some(at)));
            self.text.push('\n');
        }
        for (key, value) in table {
            let Value::Object(inner) = value else { continue };
            self.text.push('[');
            self.text.push_str(header);
            let at = self.key(key);
            self.text.push_str("]\n");
            let header = format!("{header}{}.", Value::from(key.as_str()));
            self.inside(key, |writer| {
                writer.note_at(at, Some(at));
                writer.toml(inner, &header);
            });
        }
    }

    fn toml_inline(&mut self, value: &Value, key: Option<usize>) {
        self.note(key);
        match value {
            Value::Array(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.inside(&index.to_string(), |writer| writer.toml_inline(item, None));
                    self.text.push(',');
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                self.text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    self.text.push_str(if index > 0 { ", " } else { "" });
                    let at = self.key(key);
                    self.text.push('=');
                    self.inside(key, |writer| writer.toml_inline(value, Some(at)));
                }
                self.text.push('}');
            }
            scalar => self.text.push_str(&scalar.to_string()),
        }
    }
}

fn check_read(format: Format, writer: &Writer, value: &Value) {
    let content = Content::read(format, &writer.text).unwrap_or_else(|| panic!("not read:\n{}", writer.text));
    assert_eq!(content.values(), std::slice::from_ref(value), "{}", writer.text);
    for (pointer, place) in &writer.places {
        assert_eq!(content.place(0, pointer), Some(*place), "{pointer:?} in\n{}", writer.text);
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-c~/ ü\"\\\\.#:\n-]{0,6}"
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e9..1.0e9f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn tree(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_tree() -> impl Strategy<Value = Value> {
    tree(prop_oneof![scalar(), Just(Value::Null), any::<u64>().prop_map(Value::from)])
}

proptest! {
    #[test]
    fn json_is_read_with_its_places(value in any_tree(), dice in any::<u64>()) {
        let mut writer = Writer { dice, ..Writer::default() };
        writer.space();
        writer.json(&value, None);
        check_read(Format::Json, &writer, &value);
    }

    #[test]
    fn yaml_is_read_with_its_places(value in any_tree(), dice in any::<u64>()) {
        let mut writer = Writer { dice, text: "--- ".to_owned(), ..Writer::default() };
        writer.yaml(&value, None, 0);
        check_read(Format::Yaml, &writer, &value);
    }

    #[test]
    fn json_is_yaml_with_the_same_places(value in any_tree()) {
        let mut writer = Writer::default();
        writer.json(&value, None);
        writer.text = writer.text.replace(['\n', '\r', '\t'], " ");
        check_read(Format::Yaml, &writer, &value);
    }

    #[test]
    fn toml_is_read_with_its_places(
        table in prop::collection::btree_map(text(), tree(scalar()), 0..5),
    ) {
        let table: Map<String, Value> = table.into_iter().collect();
        let mut writer = Writer::default();
        writer.note(None);
        writer.toml(&table, "");
        check_read(Format::Toml, &writer, &Value::Object(table));
    }
}

#[test]
fn formats_go_by_extension() {
    assert_eq!(Format::of("a/b.JSON"), Some(Format::Json));
    assert_eq!(Format::of("a.yml"), Some(Format::Yaml));
    assert_eq!(Format::of("a.toml"), Some(Format::Toml));
    assert_eq!(Format::of("toml"), None);
}

#[test]
fn every_yaml_document_counts() {
    let content = Content::read(Format::Yaml, "a: 1\n---\n- x\n--- ~\n").unwrap();
    assert_eq!(content.values(), [json!({"a": 1}), json!(["x"]), json!(null)]);
    assert_eq!(content.place(1, "/0"), Some(ValuePlace { value: 11, key: None }));
    assert_eq!(content.place(3, ""), None);
    assert_eq!(Content::read(Format::Yaml, "# nothing\n").unwrap().values(), [Value::Null]);
}

#[test]
fn yaml_merges_and_aliases_stand_where_they_are_written() {
    let text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall: {<<: [*b, *m], x: 0}\nsame: *b\n'<<': text\n";
    let content = Content::read(Format::Yaml, text).unwrap();
    let all = json!({"x": 0, "y": 2, "z": 4});
    assert_eq!(content.values()[0]["all"], all);
    assert_eq!(content.values()[0]["<<"], json!("text"));
    let value = |pointer| content.place(0, pointer).unwrap().value;
    assert_eq!(&text[value("/all/z")..][..1], "4");
    assert_eq!(value("/same/y"), value("/base/y"));
}

#[test]
fn yaml_keys_are_strings() {
    let content = Content::read(Format::Yaml, "1: a\ntrue: b\n? [x, 1]\n: c\n!!int 7: d\n").unwrap();
    assert_eq!(content.values(), [json!({"1": "a", "true": "b", "[\"x\",1]": "c", "7": "d"})]);
    assert!(content.place(0, "/[\"x\",1]").is_some());
}

#[test]
fn tags_and_quotes_decide_what_a_scalar_is() {
    let text = "a: '5'\nb: !!str 5\nc: !Ref 5\nd: !!int '5'\ne: |\n  5\nf: !Sub [x]\n";
    let expected = json!({"a": "5", "b": "5", "c": 5, "d": 5, "e": "5\n", "f": ["x"]});
    assert_eq!(Content::read(Format::Yaml, text).unwrap().values(), [expected]);
    let text =
        "a: !!binary 1234\nb: !!binary\nc: ! 5\nd: !str 5\ne: !int '5'\nf: !null x\ng: !<tag:yaml.org,2002:str> 5\n";
    let expected = json!({"a": "1234", "b": "", "c": "5", "d": "5", "e": 5, "f": null, "g": "5"});
    assert_eq!(Content::read(Format::Yaml, text).unwrap().values(), [expected]);
}

#[test]
fn toml_is_read_as_json_has_it() {
    let text = "a = 0xff\nb = 1979-05-27T07:32:00Z\nc = -inf\nd = 1_000\n[[e]]\nx.y = 1\n[[e]]\n";
    let expected = json!({"a": 255, "b": "1979-05-27T07:32:00Z", "c": f64::MIN, "d": 1000, "e": [{"x": {"y": 1}}, {}]});
    let content = Content::read(Format::Toml, text).unwrap();
    assert_eq!(content.values(), [expected]);
    let place = content.place(0, "/e/0/x/y").unwrap();
    assert_eq!((&text[place.value..][..1], &text[place.key.unwrap()..][..1]), ("1", "y"));
}

#[test]
fn large_integers_are_exact() {
    for (format, text) in [
        (Format::Json, "[18446744073709551615, -9223372036854775808]"),
        (Format::Yaml, "[18446744073709551615, -9223372036854775808]"),
    ] {
        assert_eq!(Content::read(format, text).unwrap().values(), [json!([u64::MAX, i64::MIN])]);
    }
}

#[test]
fn broken_files_are_not_read() {
    for text in ["{", "[1,", "{\"a\"", "\"", "", "nul"] {
        assert!(Content::read(Format::Json, text).is_none(), "{text}");
    }
    assert!(Content::read(Format::Yaml, "a: [").is_none());
    assert!(Content::read(Format::Toml, "a = ").is_none());
}
