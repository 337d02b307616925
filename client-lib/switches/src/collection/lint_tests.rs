//! What is to be looked at, and why answers are what they are.

use super::{SwitchFile, Switches};
use crate::{Context, Moment};
use serde_json::{Value, json};
use std::sync::Arc;

fn switches(files: &[(&str, &Value)]) -> Switches {
    let file = |(key, document): &(&str, &Value)| {
        let file = SwitchFile::parse(key, document).usable().unwrap();
        (format!("features/{key}.json"), Arc::new(file))
    };
    Switches::of(files.iter().map(file))
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

fn feature(rules: &Value) -> Value {
    json!({
        "owner": "ada", "stage": "beta", "unit": "user", "rules": rules,
        "parameters": {"on": {"type": "bool", "default": false}},
    })
}

fn check_lints(document: &Value, at: &str, expected: &[&str]) {
    let lints = switches(&[("a", document)]).lints(moment(at));
    let told: Vec<_> = lints.iter().map(|lint| lint.told.as_str()).collect();
    assert_eq!(told, expected, "{document}");
    assert!(lints.iter().all(|lint| lint.path == "features/a.json" && lint.owner.as_deref() == Some("ada")));
}

#[test]
fn features_that_are_over_are_told_with_their_owner() {
    let ramp = json!([
        {"name": "early", "until": "2026-01-01", "set": {"on": true}},
        {"name": "ramp", "ramp": {"from": "2026-01-01", "to": "2026-02-01"}, "set": {"on": true}},
        {"name": "rest", "when": {"country": "DE"}, "set": {"on": true}},
    ]);
    check_lints(&feature(&ramp), "2025-12-01", &[]);
    check_lints(&feature(&ramp), "2026-01-15", &["rule 'early' takes nobody from now on"]);
    let over = [
        "says the same to everybody from now on, by 'ramp'",
        "rule 'rest' can never match: 'ramp' takes everybody",
        "rule 'early' takes nobody from now on",
    ];
    check_lints(&feature(&ramp), "2026-02-01", &over);
    let mut expired = feature(&json!([{"when": {"a": 1}, "set": {}}]));
    expired["expires"] = json!("2026-06-01");
    expired["stage"] = json!("retired");
    check_lints(&expired, "2026-05-31", &["is retired and still there", "no rule sets 'on'"]);
    let told = ["should be gone since 2026-06-01", "is retired and still there", "no rule sets 'on'"];
    check_lints(&expired, "2026-06-01", &told);
}

#[test]
fn rules_that_never_match_are_told() {
    let germans = json!({"country": "DE"});
    let rules = json!([
        {"name": "half", "when": germans, "percent": 50, "set": {"on": true}},
        {"name": "fewer", "when": {"country": "DE", "plan": "pro"}, "percent": 50, "set": {"on": true}},
        {"name": "more", "when": germans, "percent": 60, "set": {"on": true}},
        {"name": "otherwise", "when": germans, "percent": 40, "salt": "other", "set": {"on": true}},
        {"name": "all", "when": germans, "set": {"on": true}},
        {"name": "pro", "when": {"plan": "pro", "country": "DE"}, "from": "2030-01-01", "set": {"on": true}},
        {"name": "later", "when": {"country": "FR"}, "from": "2030-01-01", "set": {"on": true}},
        {"name": "now", "when": {"country": "FR"}, "set": {"on": true}},
    ]);
    let told = [
        "rule 'fewer' can never match: 'half' takes all that it means",
        "rule 'pro' can never match: 'all' takes all that it means",
    ];
    check_lints(&feature(&rules), "2026-01-01", &told);
    let mut draft = feature(&json!([{"name": "all", "set": {"on": true}}]));
    draft["stage"] = json!("draft");
    let told = ["says the same to everybody from now on, by 'all'", "is a draft, and everybody has it"];
    check_lints(&draft, "2026-01-01", &told);
    let flag = json!({"flags": {"f": {"state": "ENABLED", "variants": {"x": 1, "y": 2, "z": 3}, "defaultVariant": "x",
        "metadata": {"owner": "ada"}, "targeting": {"if": [
            {"var": "a"}, "y", false, "x", {"var": "a"}, "z", true, "z", {"var": "b"}, "x"]}}}});
    let told = [
        "condition 2 never holds",
        "condition 3 is condition 1 again",
        "condition 4 always holds: nothing after it is asked",
    ];
    check_lints(&flag, "2026-01-01", &told);
}

#[test]
fn what_leads_nowhere_is_told() {
    let mut needing = feature(&json!([{"when": {"a": 1}, "set": {"on": true}}]));
    needing["requires"] = json!({"b": true, "a2": {"on": true}});
    check_lints(
        &needing,
        "2026-01-01",
        &[
            "needs 'a2', which nobody has: it is off for everybody",
            "needs 'b', which nobody has: it is off for everybody",
        ],
    );
    let flag = |targeting: Value| {
        json!({"flags": {"f": {"state": "ENABLED", "defaultVariant": "x", "variants": {"x": "1", "y": "2", "z": "3"},
            "metadata": {"owner": "ada", "expires": "2026-01-01"}, "targeting": targeting}}})
    };
    let gone = "should be gone since 2026-01-01";
    check_lints(&flag(json!({})), "2026-01-01", &[gone, "nothing leads to variant y, z"]);
    let rule = json!({"if": [{"var": "z"}, "y", {"fractional": [["x", 1], ["y", 1]]}]});
    check_lints(&flag(rule), "2026-01-02", &[gone, "nothing leads to variant z"]);
    check_lints(&flag(json!({"cat": ["", {"var": "v"}]})), "2025-12-31", &[]);
}

#[test]
fn of_a_switch_that_is_there_twice_the_other_is_told() {
    let flags = json!({"flags": {"f": {"state": "ENABLED", "variants": {"x": true}, "defaultVariant": "x"}}});
    let lints = switches(&[("one", &flags), ("two", &flags)]).lints(moment("2026-01-01"));
    assert_eq!((lints.len(), lints[0].path.as_str()), (1, "features/two.json"));
}

#[test]
fn every_step_of_a_decision_is_told() {
    let rules = json!([
        {"name": "later", "from": "2027-01-01", "set": {"on": true}},
        {"name": "over", "until": "2025-01-01", "set": {"on": true}},
        {"name": "german", "when": {"country": "DE"}, "set": {"on": true}},
        {"name": "few", "percent": 10, "set": {"on": true}},
        {"name": "half", "percent": 50, "set": {"on": true}},
    ]);
    let mut needed = feature(&rules);
    needed["requires"] = json!({"b.on": true});
    let switches = switches(&[
        ("a", &needed),
        ("b", &feature(&json!([{"when": {"country": ["FR", "DE"]}, "set": {"on": true}}]))),
    ]);
    let told = |context: Value| {
        let context = context.as_object().unwrap().clone();
        let steps = switches.explain("a.on", &Context::of_json(&context), moment("2026-01-01"));
        steps.into_iter().map(|step| format!("{}: {}", step.asked, step.found)).collect::<Vec<_>>()
    };
    let expected = [
        "file: features/a.json",
        "prerequisite b.on: true: holds: found true",
        "rule 'later': no: it begins at 2027-01-01",
        "rule 'over': no: it ended at 2025-01-01",
        "rule 'german': no: country is \"FR\"",
        "rule 'few': no: user stands at 29.394 %, and 10 % are in",
        "rule 'half': matches, user stands at 29.394 % of 50 %",
        "parameter: on",
    ];
    let told_to = |user: u32| told(json!({"user": user.to_string(), "country": "FR"}));
    let found = (0..100).map(told_to).find(|told| told.len() == expected.len()).unwrap();
    let stands =
        |line: &str| line.split("stands at ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let bucket = stands(&found[5]).unwrap();
    assert_eq!(found, expected.map(|line| line.replace("29.394", &bucket)));
    assert_eq!(told(json!({"country": "FR"}))[6], "rule 'half': no: there is no user, and 50 % are in");
    let unmet = told(json!({"country": "GB"}));
    assert_eq!(
        unmet[1..3],
        ["prerequisite b.on: true: does not hold: found false", "defaults: a prerequisite does not hold"]
    );

    let flag = json!({"flags": {"f": {"state": "ENABLED", "defaultVariant": "x", "variants": {"x": 1, "y": 2},
        "targeting": {"if": [{"==": [{"var": "a"}, 1]}, "x", {"var": "b"}, "y"]}}}});
    let flags = super::Switches::of([("f.json".to_owned(), Arc::new(SwitchFile::parse("", &flag).usable().unwrap()))]);
    let context = json!({"b": true}).as_object().unwrap().clone();
    let steps = flags.explain("f", &Context::of_json(&context), moment("2026-01-01"));
    let steps: Vec<_> = steps.iter().map(|step| format!("{}: {}", step.asked, step.found)).collect();
    let expected = [
        "file: f.json",
        "state: ENABLED",
        "condition 1: does not hold",
        "condition 2: holds",
        "targeting: gives y",
        "variant: y (TARGETING_MATCH)",
    ];
    assert_eq!(steps, expected);
}
