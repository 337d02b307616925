//! Schemas in memory, documents against them.

mod governed;

use super::{files::testing::Memory, *};
use crate::{
    Finding, Rule,
    check::Document,
    document::{Content, Format},
};
use serde_json::{Value, json};

fn compile(files: &Memory, path: &str, named: &[&str]) -> Result<Compiled, Vec<Finding>> {
    let catalog = Catalog::new(files, named.iter().map(|path| (*path).to_owned()));
    let settings = SchemaSettings::default();
    let loaded = closure::load(path, &catalog, &settings).unwrap();
    loaded.and_then(|closure| Compiled::new(&closure, false, &settings))
}

fn check(schema: impl ToString, path: &str, text: &str) -> Vec<Finding> {
    let files = Memory::default().with("s.json", schema);
    let compiled = compile(&files, "s.json", &[]).unwrap_or_else(|findings| panic!("{findings:?}"));
    let content = Content::read(Format::of(path).unwrap(), text).unwrap();
    let document = Document::new(path, text.as_bytes());
    let mut findings = Vec::new();
    for (index, value) in content.values().iter().enumerate() {
        let (violations, _) = compiled.check(value, &SchemaSettings::default());
        findings.extend(violations.into_iter().map(|violation| violation.into_finding(&document, &content, index)));
    }
    findings
}

/// Checks place, pointer, rule and sentence of every finding.
fn check_found(schema: impl ToString, path: &str, text: &str, expected: &[(&str, &str, Rule, &str)]) {
    let found = check(schema, path, text);
    let found: Vec<_> =
        found.iter().map(|f| (f.location(), f.pointer.clone().unwrap(), f.rule, f.sentence())).collect();
    let found: Vec<_> =
        found.iter().map(|(location, pointer, rule, sentence)| (&**location, &**pointer, *rule, &**sentence)).collect();
    assert_eq!(found, expected);
}

fn check_refused(files: &Memory, path: &str, named: &[&str], rule: Rule, words: &str) {
    let findings = compile(files, path, named).map(|_| ()).unwrap_err();
    let told = findings.iter().any(|finding| {
        finding.rule == rule && format!("{} {}", finding.location(), finding.sentence()).contains(words)
    });
    assert!(told, "{findings:#?}");
}

#[test]
fn violations_are_told_with_their_place() {
    let schema = json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
            "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
            "mode": {"enum": ["fast", "safe"]},
            "tags": {"type": "array", "uniqueItems": true, "maxItems": 2},
        },
    });
    let text = "port: 70000\nmode: slow\ntags: [a, a, b]\ncolour: red\n";
    check_found(
        &schema,
        "a.yaml",
        text,
        &[
            (
                "a.yaml:2:7",
                "/mode",
                Rule::SchemaEnum,
                "value is none of those allowed: found \"slow\", expected \"fast\" or \"safe\"",
            ),
            ("a.yaml:1:7", "/port", Rule::SchemaRange, "number is too large: found 70000, expected at most 65535"),
            ("a.yaml:3:7", "/tags", Rule::SchemaItems, "list is too long: found 3 items, expected at most 2"),
            ("a.yaml:3:7", "/tags", Rule::SchemaItems, "list holds equal items, expected items that differ"),
            ("a.yaml:4:1", "/colour", Rule::SchemaAdditional, "member is not provided for: \"colour\""),
            ("a.yaml:1:1", "", Rule::SchemaRequired, "member \"name\" is missing"),
        ],
    );
    check_found(
        &schema,
        "a.json",
        "{\"name\": \"Ä\", \"port\": \"80\"}",
        &[
            (
                "a.json:1:10",
                "/name",
                Rule::SchemaPattern,
                "text does not match: found \"Ä\", expected the pattern ^[a-z]+$",
            ),
            (
                "a.json:1:23",
                "/port",
                Rule::SchemaType,
                "value has the wrong type: found \"80\", expected null or an integer",
            ),
        ],
    );
    check_found(
        &schema,
        "a.toml",
        "port = 1\n[name]\n",
        &[(
            "a.toml:2:2",
            "/name",
            Rule::SchemaType,
            "value has the wrong type: found an empty object, expected a string",
        )],
    );
}

#[test]
fn every_draft_is_known() {
    for (draft, schema, bad) in [
        ("http://json-schema.org/draft-04/schema#", json!({"minimum": 5, "exclusiveMinimum": true}), "5"),
        ("http://json-schema.org/draft-06/schema#", json!({"exclusiveMinimum": 5}), "5"),
        ("http://json-schema.org/draft-07/schema#", json!({"if": {"type": "integer"}, "then": {"minimum": 6}}), "5"),
        ("https://json-schema.org/draft/2019-09/schema", json!({"unevaluatedProperties": false}), "{\"a\": 1}"),
        ("https://json-schema.org/draft/2020-12/schema", json!({"prefixItems": [{"type": "string"}]}), "[5]"),
    ] {
        let mut schema = schema;
        schema["$schema"] = draft.into();
        assert_eq!(check(&schema, "a.json", bad).len(), 1, "{draft}");
        assert_eq!(check(&schema, "a.json", "7"), [], "{draft}");
    }
    assert_eq!(check(json!({"prefixItems": [{"type": "string"}]}), "a.json", "[5]").len(), 1);
    let odd = Memory::default().with("s.json", json!({"$schema": "https://example.com/own"}));
    check_refused(&odd, "s.json", &[], Rule::SchemaInvalid, "s.json:1:12 $schema names no draft");
}

#[test]
fn alternatives_are_told_by_the_closest() {
    let schema = json!({
        "oneOf": [
            {"type": "string"},
            {"properties": {"kind": {"const": "disk"}, "size": {"type": "integer"}}, "required": ["kind", "size"]},
            {"properties": {"kind": {"const": "net"}, "port": {"maximum": 9}}, "required": ["kind", "port"]},
        ],
    });
    let found = check(&schema, "a.json", "{\"kind\": \"net\", \"port\": 10}");
    let sentence = "number is too large (in the closest of 3 forms): found 10, expected at most 9";
    assert_eq!((found.len(), found[0].sentence().as_str(), found[0].pointer.as_deref()), (1, sentence, Some("/port")));
    let simple = json!({"anyOf": [{"type": "string"}, {"type": "array"}, {"enum": [1, 2]}]});
    let found = check(simple, "a.json", "3");
    assert_eq!(found[0].expected.as_deref(), Some("a string, a list or 1 or 2"));
}

#[test]
fn names_of_members_are_told() {
    let found = check(json!({"propertyNames": {"pattern": "^[a-z]+$"}}), "a.yaml", "a: 1\nB/1: 2\n");
    let sentence = "name of a member is not allowed: text does not match: found \"B/1\", expected the pattern ^[a-z]+$";
    assert_eq!((found[0].location().as_str(), found[0].sentence().as_str()), ("a.yaml:2:1", sentence));
    assert_eq!(found[0].pointer.as_deref(), Some("/B~11"));
}

#[test]
fn integers_and_floats_are_exact() {
    let schema = json!({"maximum": 18_446_744_073_709_551_614_u64});
    assert_eq!(check(&schema, "a.json", "18446744073709551615").len(), 1);
    assert_eq!(check(&schema, "a.yaml", "18446744073709551614"), []);
    assert_eq!(check(json!({"type": "integer"}), "a.yaml", "1.0"), []);
    assert_eq!(check(json!({"type": "number", "maximum": 9}), "a.toml", "a = 1").len(), 1);
}

#[test]
fn references_stay_inside_the_repository() {
    let files = Memory::default()
        .with("a/s.json", json!({"properties": {"x": {"$ref": "../b/t.json#/$defs/small"}, "y": {"$ref": "urn:u"}}}))
        .with("b/t.json", json!({"$defs": {"small": {"$ref": "u.json"}}}))
        .with("b/u.json", json!({"maximum": 5}))
        .with("c/u.json", json!({"$id": "urn:u", "minimum": 5}));
    let compiled = compile(&files, "a/s.json", &["a/s.json", "c/u.json"]).unwrap();
    let settings = SchemaSettings::default();
    assert_eq!(compiled.check(&json!({"x": 5, "y": 5}), &settings).0, []);
    assert_eq!(compiled.check(&json!({"x": 6, "y": 4}), &settings).0.len(), 2);
    check_refused(&files, "a/s.json", &["a/s.json"], Rule::SchemaReference, "a/s.json:1:68 reference leads to no file");
}

#[test]
fn a_schema_with_a_name_of_its_own_is_found_by_name_or_path() {
    let files = Memory::default()
        .with("a/s.json", json!({"$id": "https://example.com/v1/s.json", "items": {"$ref": "t.json"}}))
        .with("a/t.json", json!({"maximum": 5}))
        .with("b/t.json", json!({"$id": "https://example.com/v1/t.json", "maximum": 9}));
    let settings = SchemaSettings::default();
    let by_path = compile(&files, "a/s.json", &["a/s.json"]).unwrap();
    assert_eq!(by_path.check(&json!([7]), &settings).0.len(), 1);
    let by_name = compile(&files, "a/s.json", &["a/s.json", "b/t.json"]).unwrap();
    assert_eq!(by_name.check(&json!([7]), &settings).0, []);
    let twice = files.with("c/t.json", json!({"$id": "https://example.com/v1/t.json"}));
    let named = ["a/s.json", "b/t.json", "c/t.json"];
    check_refused(&twice, "a/s.json", &named, Rule::SchemaReference, "several schemas call themselves so");
}

#[test]
fn nothing_is_fetched() {
    for reference in ["https://example.com/x.json", "file:///etc/passwd", "//host/x", "../../x.json", "/etc/passwd"] {
        let files = Memory::default().with("s.json", json!({"items": {"$ref": reference}}));
        check_refused(&files, "s.json", &[], Rule::SchemaReference, reference);
    }
    let files = Memory::default().with("s.json", json!({"items": {"$ref": "#/nowhere"}}));
    check_refused(&files, "s.json", &[], Rule::SchemaReference, "nowhere");
    let ignored =
        Memory::default().with("s.json", json!({"default": {"$ref": "x"}, "x-note": {"$ref": "https://x/y"}}));
    assert!(compile(&ignored, "s.json", &[]).is_ok());
}

#[test]
fn what_is_no_schema_is_refused() {
    let files = Memory::default()
        .with("broken.json", "{\"a\": 1,}")
        .with("type.json", json!({"type": "objekt"}))
        .with("list.json", "[]")
        .with("pattern.json", json!({"properties": {"a": {"pattern": "("}}}))
        .with("large.json", json!({"pattern": "(\\p{L}{500}){500}"}));
    for (path, rule, words) in [
        ("none.json", Rule::SchemaMissing, "schema does not exist"),
        ("broken.json", Rule::SchemaSyntax, "broken.json:1:9"),
        ("type.json", Rule::SchemaInvalid, "type.json:1:9 is no valid schema: value is none of those allowed"),
        ("list.json", Rule::SchemaInvalid, "value has the wrong type"),
        ("pattern.json", Rule::SchemaInvalid, "pattern is no regular expression"),
        ("large.json", Rule::SchemaPatternSize, "pattern grows too large"),
    ] {
        check_refused(&files, path, &[], rule, words);
    }
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    let tree = json!({"type": "object", "additionalProperties": {"$ref": "#"}});
    assert_eq!(check(&tree, "a.json", "{\"a\": {\"b\": {}}}"), []);
    assert_eq!(check(&tree, "a.json", "{\"a\": {\"b\": 1}}").len(), 1);
    let _ends = check(json!({"$ref": "#"}), "a.json", "1");
    let _ends = check(json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}), "a.json", "1");
    let cycle = Memory::default().with("s.json", json!({"$ref": "t.json"})).with("t.json", json!({"$ref": "s.json"}));
    assert!(compile(&cycle, "s.json", &[]).is_ok());
}

#[test]
fn schemas_that_double_are_stopped() {
    let mut definitions = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        // The members differ, so that nothing is the same question twice.
        definitions.insert(
            format!("l{level}"),
            json!({"allOf": [{"additionalProperties": next}, {"additionalProperties": next}]}),
        );
    }
    definitions.insert("l60".to_owned(), json!({"type": "integer"}));
    let schema = json!({"$defs": definitions, "$ref": "#/$defs/l0"});
    let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
    let found = check(&schema, "a.json", &deep);
    assert!(found.iter().all(|finding| finding.rule == Rule::SchemaCost), "{found:?}");
}

/// Definitions that each refer to the next one, the last of which is a leaf.
fn doubling(draft: &str, levels: usize, leaf: &Value, level: impl Fn(Value) -> Value) -> Value {
    let mut definitions: serde_json::Map<_, _> = (0..levels)
        .map(|at| (format!("l{at}"), level(json!({"$ref": format!("#/definitions/l{}", at + 1)}))))
        .collect();
    definitions.insert(format!("l{levels}"), leaf.clone());
    json!({"$schema": draft, "definitions": definitions, "allOf": [{"$ref": "#/definitions/l0"}]})
}

const LATEST: &str = "https://json-schema.org/draft/2020-12/schema";

/// What such a schema costs is known before there is a document, which its leaves need not look at.
#[test]
fn schemas_that_double_in_place_are_refused() {
    let leaves =
        [json!({}), json!(true), json!(false), json!({"title": "x"}), json!({"not": {}}), json!({"type": "null"})];
    let levels: [fn(Value) -> Value; 7] = [
        |next| json!({"allOf": [next, next]}),
        |next| json!({"anyOf": [next, next]}),
        |next| json!({"oneOf": [next, next]}),
        |next| json!({"not": next, "if": next}),
        |next| json!({"if": next, "then": next, "else": next}),
        |next| json!({"dependentSchemas": {"a": next, "b": next}}),
        |next| json!({"anyOf": [next], "unevaluatedProperties": false}),
    ];
    for (leaf, level) in leaves.iter().flat_map(|leaf| levels.iter().map(move |level| (leaf, level))) {
        let files = Memory::default().with("s.json", doubling(LATEST, 60, leaf, level));
        check_refused(&files, "s.json", &[], Rule::SchemaCost, "(setting gate.schemas.evaluations_max)");
    }
    for draft in ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"] {
        let twice = |next| json!({"allOf": [next, next]});
        let files = Memory::default().with("s.json", doubling(draft, 60, &json!({}), twice));
        check_refused(&files, "s.json", &[], Rule::SchemaCost, "s.json:1:");
        // What stands beside a reference says nothing in these drafts.
        let beside = |next: Value| json!({"$ref": next["$ref"], "allOf": [next, next]});
        assert_eq!(check(doubling(draft, 60, &json!({"type": "string"}), beside), "a.json", "1").len(), 1);
    }
    let found =
        check(doubling(LATEST, 8, &json!({"type": "null"}), |next| json!({"anyOf": [next, next]})), "a.json", "{}");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn what_doubles_by_anchors_and_files_is_refused() {
    for (keyword, anchor) in [("$ref", "$anchor"), ("$dynamicRef", "$dynamicAnchor")] {
        let level = |at: usize| {
            let next = json!({keyword: format!("#l{}", at + 1)});
            (at.to_string(), json!({anchor: format!("l{at}"), "allOf": [next, next]}))
        };
        let mut definitions: serde_json::Map<_, _> = (0..60).map(level).collect();
        definitions.insert("last".to_owned(), json!({anchor: "l60"}));
        let files = Memory::default().with("s.json", json!({keyword: "#l0", "$defs": definitions}));
        check_refused(&files, "s.json", &[], Rule::SchemaCost, "s.json:1:");
    }
    let file = |files: Memory, at: usize| {
        let next = json!({"$ref": format!("{}.json", at + 1)});
        files.with(&format!("{at}.json"), json!({"allOf": [next, next]}))
    };
    let files = (0..16).fold(Memory::default().with("16.json", json!({})), file);
    check_refused(&files, "0.json", &[], Rule::SchemaCost, ".json:1:1 schema takes too many evaluations");
}

/// What a dynamic reference means depends on the way that leads to it, so that each way is compiled.
#[test]
fn schemas_reached_in_too_many_ways_are_refused() {
    let mut definitions = serde_json::Map::new();
    for at in 0..18 {
        let id = |name: &str, at: usize| format!("https://example.com/{name}{at}");
        let (b, c) = (json!({"$ref": id("b", at)}), json!({"$ref": id("c", at)}));
        definitions.insert(format!("a{at}"), json!({"$id": id("a", at), "properties": {"x": b, "y": c}}));
        for name in ["b", "c"] {
            let next = json!({"$ref": id("a", at + 1)});
            definitions.insert(format!("{name}{at}"), json!({"$id": id(name, at), "properties": {"z": next}}));
        }
    }
    definitions.insert("last".to_owned(), json!({"$id": "https://example.com/a18"}));
    let files = Memory::default().with("s.json", json!({"$ref": "https://example.com/a0", "$defs": definitions}));
    check_refused(&files, "s.json", &[], Rule::SchemaSize, "(setting gate.schemas.parts_max)");
}

#[test]
fn long_chains_of_references_do_not_overflow_the_stack() {
    let chain = |length: usize, link: fn(Value) -> Value| doubling(LATEST, length, &json!({"type": "string"}), link);
    let in_worker = |checked: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().stack_size(crate::inspection::STACK_BYTES);
        thread.spawn(checked).unwrap().join().unwrap();
    };
    in_worker(Box::new(move || assert_eq!(check(chain(200, |next| next), "a.json", "1").len(), 1)));
    in_worker(Box::new(move || {
        let files = Memory::default().with("s.json", chain(3_000, |next| next));
        check_refused(&files, "s.json", &[], Rule::SchemaCost, "(setting gate.schemas.evaluations_max)");
    }));
    in_worker(Box::new(move || {
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert_eq!(check(chain(100, |next| json!({"properties": {"a": next}})), "a.json", &deep).len(), 1);
    }));
}

#[test]
fn patterns_that_backtrack_are_bounded() {
    let linear = json!({"pattern": "^(a+)+$"});
    assert_eq!(check(&linear, "a.json", &format!("\"{}!\"", "a".repeat(50_000)))[0].rule, Rule::SchemaPattern);
    let backtracking = json!({"properties": {"x": {"pattern": "^(?=a)(a|a)*\\1b$"}}});
    let text = |length: usize| format!("{{\"x\": \"{}!\"}}", "a".repeat(length));
    assert_eq!(check(&backtracking, "a.json", &text(3))[0].rule, Rule::SchemaPattern);
    let found = check(&backtracking, "a.json", &text(200));
    assert_eq!((found[0].rule, found[0].location().as_str()), (Rule::SchemaPatternCost, "a.json:1:7"), "{found:?}");
    assert_eq!(check(&backtracking, "a.json", &text(10_000))[0].rule, Rule::SchemaPatternCost);
}

#[test]
fn many_errors_are_told_and_counted() {
    let files = Memory::default()
        .with("s.json", json!({"items": {"anyOf": [{"type": "string"}, {"maximum": 0, "type": "number"}]}}));
    let compiled = compile(&files, "s.json", &[]).unwrap();
    let (told, more) = compiled.check(&json!(vec![1; 1_000]), &SchemaSettings::default());
    assert_eq!((told.len(), more), (50, 950));
}
