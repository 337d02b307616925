//! Keys, duplicates and prerequisites.

use super::{SwitchFile, Switches};
use crate::{Context, ErrorCode, Moment, Reason};
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: Moment = Moment::from_unix_ms(0);

fn switches(files: &[(&str, Value)]) -> Switches {
    let file = |(key, document): &(&str, Value)| {
        let file = SwitchFile::parse(key, document).flawless().unwrap();
        (format!("features/{key}.json"), Arc::new(file))
    };
    Switches::of(files.iter().map(file))
}

fn feature(requires: &Value) -> Value {
    json!({
        "owner": "a", "stage": "beta", "requires": requires,
        "parameters": {"on": {"type": "bool", "default": false}, "size": {"type": "int", "default": 1}},
        "rules": [{"when": {"country": "DE"}, "set": {"on": true, "size": 5}}],
    })
}

fn is_on(switches: &Switches, key: &str, country: &str) -> Result<bool, ErrorCode> {
    let context = [("country", country.into())];
    switches.resolve(&format!("{key}.on"), &Context::of(&context), NOW).bool_or(false)
}

fn flags() -> Value {
    json!({"flags": {
        "f": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
    }})
}

#[test]
fn keys_lead_to_flags_features_and_parameters() {
    let mut flags = flags();
    flags["flags"]["a.on"] = json!({"state": "ENABLED", "variants": {"x": "flag"}, "defaultVariant": "x"});
    let files = [("flags", flags), ("a", feature(&json!({}))), ("b", feature(&json!({}))), ("other", json!(1))];
    let switches = switches(&files);
    let context = [("country", "DE".into())];
    let value = |key: &str| switches.resolve(key, &Context::of(&context), NOW).value.cloned();
    assert_eq!(value("b"), Some(json!({"on": true, "size": 5})));
    assert_eq!((value("b.size"), value("f")), (Some(json!(5)), Some(json!(true))));
    assert_eq!(value("a.on"), Some(json!("flag")), "what is called exactly so goes before a parameter");
    assert_eq!((value("b.nothing"), value("b."), value(".on"), value("c")), (None, None, None, None));
    let mut told = Vec::new();
    switches.each(&Context::of(&context), NOW, |key, found| {
        assert_eq!(found, switches.resolve(key, &Context::of(&context), NOW));
        told.push(key.to_owned());
    });
    assert_eq!(told, ["a.on", "f", "a", "a.size", "b", "b.on", "b.size"]);
}

#[test]
fn of_a_key_that_is_there_twice_the_first_counts() {
    let switches = switches(&[("one", flags()), ("f", feature(&json!({}))), ("two", flags())]);
    let mut told = 0;
    switches.each(&Context::default(), NOW, |key, found| {
        told += usize::from(key == "f");
        assert!(key != "f" || found.value == Some(&json!(true)));
    });
    assert_eq!(told, 1);
}

#[test]
fn a_feature_needs_its_prerequisites() {
    let files = [
        ("flags", flags()),
        ("a", feature(&json!({"b": {"on": true, "size": 5}, "f": true}))),
        ("b", feature(&json!({"c.on": true}))),
        ("c", feature(&json!({}))),
        ("d", feature(&json!({"gone": true}))),
        ("e", feature(&json!({"f": false}))),
    ];
    let switches = switches(&files);
    for (key, country, expected) in [("a", "DE", true), ("a", "FR", false), ("d", "DE", false), ("e", "DE", false)] {
        assert_eq!(is_on(&switches, key, country), Ok(expected), "{key} {country}");
    }
    let context = [("country", "DE".into())];
    let unmet = switches.resolve("e", &Context::of(&context), NOW);
    assert_eq!((unmet.reason, unmet.variant), (Reason::Default, Some("default")));
}

#[test]
fn circles_are_an_error_for_who_is_in_them_and_nobody_else() {
    let files = [
        ("a", feature(&json!({"b": {"on": true}}))),
        ("b", feature(&json!({"c": {"on": true}}))),
        ("c", feature(&json!({"b.on": true}))),
        ("d", feature(&json!({}))),
    ];
    let switches = switches(&files);
    for key in ["a", "b", "c"] {
        assert_eq!(is_on(&switches, key, "DE"), Err(ErrorCode::General), "{key}");
    }
    assert_eq!(is_on(&switches, "d", "DE"), Ok(true));
    let mut circles: Vec<_> = switches.circles().collect();
    circles.sort_unstable();
    assert_eq!(circles, ["a", "b", "c"]);
}

#[test]
fn diamonds_are_asked_once_each_and_long_chains_are_refused() {
    let level = |at: usize| json!({format!("l{}", at + 1): {"on": true}, format!("r{}", at + 1): {"on": true}});
    let names: Vec<_> = (0..20).flat_map(|at| [(format!("l{at}"), at), (format!("r{at}"), at)]).collect();
    let of = |depth: usize| {
        let files: Vec<_> = names
            .iter()
            .filter(|(_, at)| *at < depth)
            .map(|(name, at)| (name.as_str(), feature(&if at + 1 < depth { level(*at) } else { json!({}) })))
            .collect();
        switches(&files)
    };
    assert_eq!(is_on(&of(15), "l0", "DE"), Ok(true));
    assert_eq!(is_on(&of(18), "l0", "DE"), Err(ErrorCode::General));
}

#[test]
fn deciders_among_flags_are_switches_of_their_own() {
    let decider = json!({"new_db": {"default_availability": 10_000}, "old": {"default_availability": 0, "owner": "a"}});
    let mut needing = feature(&json!({"web/decider.new_db": true}));
    needing["rules"] = json!([{"set": {"on": true}}]);
    let switches = switches(&[("cart", needing), ("web/decider", decider)]);
    let asked = |key| switches.resolve(key, &Context::default(), NOW).bool_or(false);
    assert_eq!((asked("web/decider.new_db"), asked("web/decider.old")), (Ok(true), Ok(false)));
    assert_eq!(asked("cart.on"), Ok(true), "a decider may be a prerequisite");
    let mut keys = Vec::new();
    switches.each(&Context::default(), NOW, |key, _| keys.push(key));
    assert_eq!(keys, ["cart", "cart.on", "cart.size", "web/decider.new_db", "web/decider.old"]);
    let user = [("targetingKey", "ada".into())];
    let steps = switches.explain("web/decider.old", &Context::of(&user), NOW);
    assert!(steps[1].found.ends_with("of 0 that are in"), "{}", steps[1].found);
}
