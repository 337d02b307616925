//! A million recipients: shares come out within three standard deviations, raising one turns nobody off, and what has
//! another key is decided independently. Deciders and toggles have the same beside their definitions.

use configbus_switches::{
    Context, Feature, FlagSet, Moment,
    experiment::{ExperimentDocument, ExperimentSet},
};
use serde_json::{Value, json};

const IDS: i64 = 1_000_000;
const NOW: Moment = Moment::from_unix_ms(0);

fn check_share(found: impl Iterator<Item = bool>, share: f64, what: &str) {
    let (found, ids) = (found.filter(|is_in| *is_in).count() as f64, IDS as f64);
    let three_sigma = 3.0 * (ids * share * (1.0 - share)).sqrt();
    assert!((found - ids * share).abs() <= three_sigma, "{what}: {found} at {share}");
}

fn check_independent(some: &[bool], others: &[bool], share: f64, what: &str) {
    check_share(some.iter().zip(others).map(|(a, b)| *a && *b), share, what);
}

fn feature(key: &str, percent: f64) -> Vec<bool> {
    let document = json!({
        "owner": "a", "stage": "beta", "unit": "user", "parameters": {"on": {"type": "bool", "default": false}},
        "rules": [{"percent": percent, "set": {"on": true}}],
    });
    let feature = Feature::parse(key, &document).flawless().expect("it is a feature");
    let is_on = |id: i64| {
        let context = [("user", id.into())];
        feature.resolve(&Context::of(&context), NOW).value.is_some_and(|value| value["on"] == true)
    };
    (0..IDS).map(is_on).collect()
}

#[test]
fn features() {
    let (small, large, other) = (feature("cart", 2.5), feature("cart", 40.0), feature("search", 40.0));
    check_share(small.iter().copied(), 0.025, "2.5 %");
    check_share(large.iter().copied(), 0.4, "40 %");
    assert!(small.iter().zip(&large).all(|(before, after)| !before || *after), "somebody was turned off");
    check_independent(&large, &other, 0.16, "two features");
}

/// Returns which variant each gets.
fn fractional(key: &str, generation: &str, weights: [u64; 3]) -> Vec<u8> {
    let [a, b, c] = weights;
    let flag = json!({
        "state": "ENABLED", "variants": {"a": 0, "b": 1, "c": 2}, "defaultVariant": "a",
        "targeting": {"fractional": [["a", a], ["b", b], ["c", c]]},
    });
    let document = json!({"metadata": {"fractional": generation}, "flags": {key: flag}});
    let set = FlagSet::parse(&document).flawless().expect("they are flags");
    let flag = set.flag(key).expect("it is there");
    let variant = |id: i64| {
        let unit = format!("user-{id}");
        let context = [("targetingKey", unit.as_str().into())];
        flag.resolve(&Context::of(&context), NOW).value.and_then(Value::as_u64).expect("it is a number") as u8
    };
    (0..IDS).map(variant).collect()
}

#[test]
fn fractional_in_every_generation() {
    let is = |of: &[u8], variant: u8| -> Vec<bool> { of.iter().map(|found| *found == variant).collect() };
    for generation in ["v1", "v2", "v3"] {
        let (before, other) =
            (fractional("cart", generation, [20, 30, 50]), fractional("search", generation, [20, 30, 50]));
        for (variant, share) in [(0, 0.2), (1, 0.3), (2, 0.5)] {
            check_share(is(&before, variant).into_iter(), share, generation);
        }
        check_independent(&is(&before, 2), &is(&other, 2), 0.25, generation);
        let after = fractional("cart", generation, [35, 30, 35]);
        let keeps = before.iter().zip(&after).all(|(before, after)| *before != 0 || *after == 0);
        assert!(keeps, "{generation}: somebody lost the first variant when it grew");
    }
}

#[test]
fn experiments() {
    let document = |range: Value, shuffle: u64| {
        let document = json!({"owner": "a", "unit": "user", "shuffle": shuffle, "variants": {"on": {"range": range}}});
        ExperimentDocument::parse("cart", &document).flawless().unwrap()
    };
    let is_on = |range: Value, shuffle: u64| -> Vec<bool> {
        let set = ExperimentSet::compose([&document(range, shuffle)]).set;
        let experiment = set.get("cart").unwrap();
        let is_on = |id: i64| {
            let context = [("user", id.into())];
            experiment.assign(&Context::of(&context), NOW).variant.is_some()
        };
        (0..IDS).map(is_on).collect()
    };
    let (small, large) = (is_on(json!([10, 10.1]), 1), is_on(json!([[10, 10.1], [50, 89.9]]), 1));
    check_share(small.iter().copied(), 0.001, "0.1 %");
    check_share(large.iter().copied(), 0.4, "40 %");
    assert!(small.iter().zip(&large).all(|(before, after)| !before || *after), "somebody was turned off");
    check_independent(&large, &is_on(json!([0, 40]), 2), 0.16, "another shuffle version");
}
