//! The check as part of the gate: what is looked at when.

use crate::{Candidate, Context, Gate, GateSettings, Mounts, Report, testing::MemoryCandidate};
use configbus_model::{Namespace, Principal};
use serde_json::json;

const POLICY: &str = ".configbus/schemas.yaml";

fn check(gate: &Gate, candidate: &dyn Candidate) -> Report {
    let (principal, namespace) = (Principal::open(), Namespace::main());
    gate.check(
        candidate,
        &Context { principal: &principal, namespace: &namespace, now_ms: 0, mounts: Mounts::default() },
    )
    .unwrap()
}

/// Checks which findings there are, by place and rule.
fn check_found(candidate: &MemoryCandidate, expected: &[(&str, &str)]) {
    let report = check(&Gate::new(GateSettings::default()).unwrap(), candidate);
    let found: Vec<_> = report.findings.iter().map(|f| (f.location(), f.rule.as_str())).collect();
    let found: Vec<_> = found.iter().map(|(location, rule)| (&**location, *rule)).collect();
    assert_eq!(found, expected, "{}", report.render_plain());
}

fn small() -> String {
    json!({"properties": {"limit": {"type": "integer", "maximum": 10}}}).to_string()
}

#[test]
fn every_format_is_held_to_its_schema() {
    let candidate = MemoryCandidate::default()
        .put(POLICY, "- {files: 'ads/**', schema: s.json}\n")
        .put("s.json", small())
        .put("ads/a.json", "{\"limit\": 11}")
        .put("ads/b/b.yaml", "limit: 1\n---\nlimit: x\n")
        .put("ads/c.toml", "limit = 12\n")
        .put("ads/fine.yml", "limit: 10\n")
        .put("ads/README.md", "limit")
        .put("other.json", "{\"limit\": 11}");
    check_found(
        &candidate,
        &[("ads/a.json:1:11", "schema/range"), ("ads/b/b.yaml:3:8", "schema/type"), ("ads/c.toml:1:9", "schema/range")],
    );
}

#[test]
fn a_file_with_wrong_syntax_is_not_held_to_its_schema() {
    let base = [(POLICY, "- {files: '*.json', schema: s.json}\n"), ("s.json", "{\"maxProperties\": 0}")];
    check_found(&MemoryCandidate::on(base).put("a.json", "{\"a\": 1,}"), &[("a.json:1:9", "json/syntax")]);
}

#[test]
fn every_entry_that_matches_counts() {
    let candidate = MemoryCandidate::default()
        .put(POLICY, "- {files: '*.yaml', schema: s.json}\n- {files: a/, schema: t.json}\n")
        .put("s.json", small())
        .put("t.json", json!({"required": ["name"]}).to_string())
        .put("a/a.yaml", "limit: 11\n");
    check_found(&candidate, &[("a/a.yaml:1:1", "schema/required"), ("a/a.yaml:1:8", "schema/range")]);
}

#[test]
fn a_changed_schema_reopens_what_it_governs() {
    let (small, policy) = (small(), "- {files: 'ads/**', schema: s.json}\n- {files: 'b/**', schema: t.json}\n");
    let linked = json!({"$ref": "s.json"}).to_string();
    let base = [
        (POLICY, policy),
        ("s.json", &small),
        ("t.json", &linked),
        ("ads/a.yaml", "limit: 7"),
        ("b/b.yaml", "limit: 8"),
    ];
    let base = MemoryCandidate::on(base);
    let tighter = json!({"properties": {"limit": {"maximum": 5}}}).to_string();
    check_found(
        &base.clone().put("s.json", tighter),
        &[("ads/a.yaml:1:8", "schema/range"), ("b/b.yaml:1:8", "schema/range")],
    );
    check_found(&base.clone().put("t.json", "{\"maxProperties\": 0}"), &[("b/b.yaml:1:1", "schema/members")]);
    check_found(&base.clone().delete("s.json"), &[("s.json", "schema/missing"), ("t.json:1:9", "schema/reference")]);
    check_found(&base.clone().put("ads/b.yaml", "limit: 9"), &[]);
    let swapped = "- {files: 'ads/**', schema: s.json}\n- {files: 'ads/**', schema: u.json}\n";
    let swapped = base.clone().put(POLICY, swapped).put("u.json", "{\"maxProperties\": 0}");
    check_found(&swapped, &[("ads/a.yaml:1:1", "schema/members")]);
    check_found(&base.put("s.json", "{\"type\": 5}"), &[("s.json:1:10", "schema/invalid")]);
}

#[test]
fn a_policy_that_names_no_schema_is_refused() {
    let candidate = MemoryCandidate::default().put(POLICY, "- {files: a, schema: s.json}\n");
    check_found(&candidate, &[("s.json", "schema/missing")]);
    let candidate = MemoryCandidate::default().put(POLICY, "- {file: a, schema: s.json}\n");
    check_found(
        &candidate,
        &[(".configbus/schemas.yaml:1:3", "policy/invalid"), (".configbus/schemas.yaml:1:4", "policy/invalid")],
    );
}

#[test]
fn compiled_schemas_follow_what_they_refer_to() {
    let gate = Gate::new(GateSettings::default()).unwrap();
    let candidate = |maximum: u32| {
        MemoryCandidate::default()
            .put(POLICY, "- {files: '*.yaml', schema: s.json}\n")
            .put("s.json", json!({"properties": {"limit": {"$ref": "t.json"}}}).to_string())
            .put("t.json", json!({"maximum": maximum}).to_string())
            .put("a.yaml", "limit: 7\n")
    };
    // The schema itself is the same each time.
    for (maximum, is_accepted) in [(7, true), (6, false), (7, true)] {
        assert_eq!(check(&gate, &candidate(maximum)).is_accepted(), is_accepted, "{maximum}");
    }
}

#[test]
fn formats_are_asserted_on_request() {
    let candidate = |formats: bool| {
        MemoryCandidate::default()
            .put(POLICY, format!("- {{files: '*.yaml', schema: s.json, formats: {formats}}}\n"))
            .put("s.json", json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": "email"}).to_string())
            .put("a.yaml", "nobody\n")
    };
    check_found(&candidate(false), &[]);
    check_found(&candidate(true), &[("a.yaml:1:1", "schema/format")]);
}

#[test]
fn a_hostile_file_is_refused_within_its_bounds() {
    let many = json!({"items": {"anyOf": vec![json!({"type": "object", "required": ["x"]}); 200]}}).to_string();
    let candidate = MemoryCandidate::default()
        .put(POLICY, "- {files: '*.yaml', schema: s.json}\n")
        .put("s.json", many)
        .put("a.yaml", format!("[{}]", "{},".repeat(50_000)));
    let report = check(&Gate::new(GateSettings::default()).unwrap(), &candidate);
    assert!(!report.is_accepted());
}

/// Checks what a change of a schema is said to break: nothing, or these words.
fn check_promise(promise: &str, old: &serde_json::Value, new: &serde_json::Value, words: Option<&str>) {
    let (policy, old_text) =
        (format!("- {{files: '*.yaml', schema: s.json, compatibility: {promise}}}\n"), old.to_string());
    let base = MemoryCandidate::on([(POLICY, policy.as_str()), ("s.json", &old_text)]);
    let report = check(&Gate::new(GateSettings::default()).unwrap(), &base.put("s.json", new.to_string()));
    let told: Vec<_> = report.findings.iter().map(|f| format!("{} {}", f.rule, f.sentence())).collect();
    match words {
        None => assert!(told.is_empty(), "{promise}: {old} -> {new}: {told:?}"),
        Some(words) => assert!(
            told.len() == 1 && told[0].starts_with("schema/compatibility") && told[0].contains(words),
            "{promise}: {old} -> {new}: {told:?}"
        ),
    }
}

/// Checks a change that makes a schema wider: what it is in one direction it is not in the other.
fn check_wider(old: &serde_json::Value, new: &serde_json::Value) {
    check_promise("backward", old, new, None);
    check_promise("forward", new, old, None);
    check_promise("forward", old, new, Some("forward compatible"));
    check_promise("backward", new, old, Some("backward compatible"));
    check_promise("full", old, new, Some("forward compatible"));
    check_promise("none", new, old, None);
}

#[test]
fn promises_are_kept_in_their_direction() {
    let object = |properties: serde_json::Value| json!({"type": "object", "properties": properties});
    for (old, new) in [
        (json!({"type": "integer"}), json!({"type": "number"})),
        (json!({"enum": ["a", "b"]}), json!({"enum": ["a", "b", "c"]})),
        (json!({"enum": ["a", "b"]}), json!({"type": "string", "minLength": 1})),
        (json!({"minimum": 5}), json!({"exclusiveMinimum": 4})),
        (json!({"maxLength": 3}), json!({"maxLength": 4})),
        (json!({"required": ["a", "b"]}), json!({"required": ["b"]})),
        (json!({"multipleOf": 6}), json!({"multipleOf": 3})),
        (json!({"uniqueItems": true}), json!({"uniqueItems": false})),
        (json!({"items": {"type": "integer"}}), json!({"items": {}})),
        (object(json!({"a": {"maximum": 5}})), object(json!({"a": {"maximum": 9}}))),
        (
            json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false}),
            json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "additionalProperties": false}),
        ),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 5}]}), json!({"maximum": 5})),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!({"type": ["string", "null", "boolean"]})),
        (json!({"type": "string"}), json!({"anyOf": [{"type": "string"}, {"type": "null"}]})),
        (
            json!({"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}, "v": {"maximum": 5}}}}, "$ref": "#/$defs/n"}),
            json!({"$defs": {"m": {"properties": {"next": {"$ref": "#/$defs/m"}, "v": {"maximum": 6}}}}, "$ref": "#/$defs/m"}),
        ),
    ] {
        check_wider(&old, &new);
    }
}

#[test]
fn remarks_change_nothing_and_what_is_not_compared_is_said() {
    let remark = |text: &str| json!({"description": text, "not": {"type": "null"}, "unevaluatedProperties": false});
    check_promise("full", &remark("a"), &remark("b"), None);
    let never = json!({"not": {"type": "null"}});
    check_promise(
        "backward",
        &json!({}),
        &never,
        Some("it cannot be told whether the change is backward compatible: 'not' differs"),
    );
    let pattern = |pattern: &str| json!({"pattern": pattern});
    check_promise("backward", &pattern("^a"), &pattern("^b"), Some("'pattern' differs"));
    let one_of = |schemas: serde_json::Value| json!({"oneOf": schemas});
    check_promise(
        "backward",
        &one_of(json!([{"type": "null"}])),
        &one_of(json!([{"type": "null"}, {"maximum": 1}])),
        Some("'oneOf' differs"),
    );
    let draft = json!({"$schema": "http://json-schema.org/draft-07/schema#"});
    check_promise("backward", &json!({}), &draft, Some("different drafts"));
}

#[test]
fn a_promise_holds_for_what_a_schema_refers_to() {
    let policy = "- {files: '*.yaml', schema: s.json, compatibility: backward}\n";
    let base = MemoryCandidate::on([
        (POLICY, policy),
        ("s.json", "{\"properties\": {\"a\": {\"$ref\": \"t.json\"}}}"),
        ("t.json", "{\"maximum\": 5}"),
    ]);
    check_found(&base.clone().put("t.json", "{\"maximum\": 6}"), &[]);
    check_found(&base.clone().put("t.json", "{\"maximum\": 4}"), &[("s.json:1:1", "schema/compatibility")]);
    let moved = base.put(POLICY, policy.replace("s.json", "u.json")).put("u.json", "{\"required\": [\"a\"]}");
    check_found(&moved, &[("u.json:1:14", "schema/compatibility")]);
}
