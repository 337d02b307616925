//! Features as people write them.

use crate::{Context, Feature, Moment, Reason};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

const CART: &str = "
owner: checkout@example.org
team: checkout
stage: beta
expires: 2027-06-01
unit: user
parameters:
  enabled: {type: bool, default: false}
  batch: {type: int, default: 20, min: 1, max: 500, unit: items}
  colour: {type: string, default: blue, enum: [blue, green]}
rules:
  - name: staff
    when: {roles: {contains: staff}}
    set: {enabled: true, colour: green}
  - name: new apps
    when:
      app: {version: '>=2.4 <3'}
      country: [DE, FR]
      not: {device: tv}
    percent: 50
    set: {enabled: true}
  - name: slowly
    ramp: {from: 2026-01-01, to: 2026-01-11, end: 50}
    set: {batch: 40}
tests:
  - given: {user: 1, roles: [staff]}
    at: 2025-01-01
    expect: {enabled: true, colour: green, batch: 20}
  - given: {user: 1, app: 2.3.9, country: DE}
    at: 2025-01-01
    expect: {enabled: false}
";

fn batch(feature: &Feature, user: u64, at: &str) -> i64 {
    let user = json!(user);
    let context = [("user", (&user).into())];
    let found = feature.resolve(&Context::of(&context), Moment::parse(at).unwrap());
    found.value.unwrap()["batch"].as_i64().unwrap()
}

#[test]
fn rules_are_asked_in_order_and_tests_are_run() {
    let feature = Feature::parse("cart", &yaml(CART)).flawless().unwrap();
    let resolved = |context: Value| {
        let context = context.as_object().unwrap().clone();
        let found = feature.resolve(&Context::of_json(&context), Moment::parse("2025-01-01").unwrap());
        (found.variant.unwrap().to_owned(), found.reason)
    };
    assert_eq!(
        resolved(json!({"roles": ["staff"], "app": "2.5", "country": "DE"})),
        ("staff".into(), Reason::TargetingMatch)
    );
    let hits = (0..10_000)
        .filter(|user| resolved(json!({"user": user, "app": "v2.5", "country": "FR"})).0 == "new apps")
        .count();
    assert!((4_850..=5_150).contains(&hits), "{hits} of 10,000 at 50 %");
    assert_eq!(
        resolved(json!({"user": 1, "app": "2.5", "country": "FR", "device": "tv"})),
        ("default".into(), Reason::Default)
    );
    assert_eq!(resolved(json!({"app": "2.5", "country": "FR"})).0, "default", "without a unit nobody is in");
}

#[test]
fn a_ramp_only_adds() {
    let feature = Feature::parse("cart", &yaml(CART)).flawless().unwrap();
    let on = |at: &str| (0..10_000).filter(|user| batch(&feature, *user, at) == 40).collect::<BTreeSet<_>>();
    let days = ["2025-12-31", "2026-01-03", "2026-01-06", "2026-01-11", "2027-01-01"].map(on);
    for pair in days.windows(2) {
        assert!(pair[0].is_subset(&pair[1]), "somebody was turned off");
    }
    assert_eq!((days[0].len(), days[3] == days[4]), (0, true));
    let sigma = |share: f64| 3.0 * (10_000.0 * share * (1.0 - share)).sqrt();
    for (day, share) in days[1..4].iter().zip([0.1, 0.25, 0.5]) {
        assert!((day.len() as f64 - 10_000.0 * share).abs() <= sigma(share), "{} at {share}", day.len());
    }
}

#[test]
fn mistakes_and_failing_tests_are_told_where_they_stand() {
    let with = |from: &str, to: &str| Feature::parse("cart", &yaml(&CART.replace(from, to))).problems;
    for (from, to, told) in [
        ("stage: beta", "stage: bta", "/stage: word is not known here: found bta, expected beta"),
        ("min: 1,", "min: 30,", "/parameters/batch/default: value is too small: found 20, expected at least 30"),
        (
            "set: {batch: 40}",
            "set: {batch: 501}",
            "/rules/2/set/batch: value is too large: found 501, expected at most 500",
        ),
        (
            "set: {batch: 40}",
            "set: {bach: 40}",
            "/rules/2/set/bach: feature has no such parameter: found bach, expected batch",
        ),
        (
            "colour: green}\n  - name: new",
            "colour: red}\n  - name: new",
            "/rules/0/set/colour: value is none of those listed",
        ),
        ("'>=2.4 <3'", "'=>2.4'", "/rules/1/when/app/version: comparison of versions cannot be read"),
        ("contains: staff", "contain: staff", "/rules/0/when/roles/contain: key is not known here"),
        ("to: 2026-01-11", "to: 2025-01-11", "/rules/2/ramp: ramp ends before it begins"),
        (
            "    percent: 50\n",
            "    percent: 50\n    ramp: {from: 2026-01-01, to: 2026-01-02}\n",
            "/rules/1: rule has more than one",
        ),
        (
            "    when: {roles: {contains: staff}}\n",
            "",
            "/rules/1: rule can never match: 'staff' before it takes everybody",
        ),
        (
            "colour: green, batch: 20}",
            "colour: green, batch: 21}",
            "/tests/0/expect/batch: test fails, by staff: found 20, expected 21",
        ),
        (
            "tests:\n  - given",
            "tests:\n  - {name: 'nobody', at: 2025-01-01, expect: {enabled: true}}\n  - given",
            "/tests/0/expect/enabled: test 'nobody' fails, by default: found false, expected true",
        ),
        (
            "    at: 2025-01-01\n    expect: {enabled: false}",
            "    expect: {enabled: false}",
            "/tests/1: rules go by the time",
        ),
    ] {
        let problems = with(from, to);
        assert!(problems.iter().any(|problem| problem.to_string().starts_with(told)), "{told}: {problems:?}");
    }
}

#[test]
fn a_list_means_what_its_values_mean_alone() {
    let is_on = |when: Value, user: Value| {
        let document = json!({
            "owner": "a", "stage": "beta", "parameters": {"on": {"type": "bool", "default": false}},
            "rules": [{"when": {"user": when}, "set": {"on": true}}],
        });
        let context = [("user", (&user).into())];
        let feature = Feature::parse("cart", &document).flawless().unwrap();
        feature.resolve(&Context::of(&context), Moment::from_unix_ms(0)).value.unwrap()["on"] == true
    };
    for listed in [json!(42), json!("42"), json!("ada"), json!(true)] {
        for user in [json!(42), json!("42"), json!("ada"), json!("bob"), json!(7), json!(true), Value::Null] {
            let alone = is_on(listed.clone(), user.clone());
            assert_eq!(is_on(json!(["x", listed]), user.clone()), alone, "{listed} {user}");
            assert_eq!(is_on(json!({"none_of": ["x", listed]}), user.clone()), !alone, "{listed} {user}");
        }
    }
    assert!(!is_on(json!([]), json!(1)));
}

#[test]
fn what_has_little_of_a_feature_is_none() {
    assert!(Feature::is_meant_by(&yaml(CART)));
    assert!(Feature::is_meant_by(&json!({"owner": "a", "stage": "beta", "paramters": {}})));
    for other in [json!({"parameters": {"a": 1}}), json!(["owner", "stage"]), json!({"owner": "a", "name": "b"})] {
        assert!(!Feature::is_meant_by(&other), "{other}");
    }
}

#[test]
fn tests_have_a_bound() {
    let mut document = yaml(CART);
    document["tests"] = vec![json!({"expect": {}}); 201].into();
    let problems = Feature::parse("cart", &document).problems;
    assert_eq!(problems[0].to_string(), "/tests: feature has more than 200 tests");
}

/// Frozen: a change here moves everybody.
#[test]
fn buckets_hold_for_ever() {
    let feature = |percent: f64| {
        let document = json!({
            "owner": "a", "stage": "beta", "unit": "user", "parameters": {"on": {"type": "bool", "default": false}},
            "rules": [{"percent": percent, "set": {"on": true}}],
        });
        Feature::parse("cart", &document).flawless().unwrap()
    };
    let is_on = |percent: f64, user: &str| {
        let context = [("user", user.into())];
        feature(percent).resolve(&Context::of(&context), Moment::from_unix_ms(0)).value.unwrap()["on"] == true
    };
    for (user, percent) in VECTORS {
        assert_eq!(
            (is_on(*percent, user), is_on(percent + 0.001, user)),
            (false, true),
            "{user} stands at {percent} %"
        );
    }
}

/// Made with the reference implementation of XXH64, in another language.
const VECTORS: &[(&str, f64)] = &[("1", 14.143), ("42", 10.063), ("ada@example.org", 42.167)];
