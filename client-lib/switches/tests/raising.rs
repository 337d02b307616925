//! Raising a percentage never turns anybody off, whatever says the percentage.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use configbus_switches::{
    Context, Feature, FlagSet, Moment,
    decider::{Decider, DeciderFile, DeciderFlags, Recipient},
    experiment::{ExperimentDocument, ExperimentSet},
    toggle::Toggle,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Moment = Moment::from_unix_ms(1_780_000_000_000);

/// Two percentages in thousandths, the lower first.
fn percentages() -> impl Strategy<Value = (f64, f64)> {
    (0..=100_000_u32, 0..=100_000_u32).prop_map(|(a, b)| (f64::from(a.min(b)) / 1_000.0, f64::from(a.max(b)) / 1_000.0))
}

fn feature_has(rules: &Value, user: u64, now: Moment) -> bool {
    let document = json!({
        "owner": "a", "stage": "beta", "unit": "user", "rules": rules,
        "parameters": {"on": {"type": "bool", "default": false}},
    });
    let user = [("user", Value::from(user))];
    let user: Vec<_> = user.iter().map(|(name, value)| (*name, value.into())).collect();
    let feature = Feature::parse("f", &document).usable().unwrap();
    feature.resolve(&Context::of(&user), now).value.unwrap()["on"] == true
}

fn flag_has(generation: &str, weight: u32, user: &str) -> bool {
    let document = json!({"metadata": {"fractional": generation}, "flags": {"f": {
        "state": "ENABLED", "variants": {"on": true, "off": false},
        "targeting": {"fractional": [["on", weight], ["off", 1_000 - weight]]},
    }}});
    let set = FlagSet::parse(&document).flawless().unwrap();
    let user = [("targetingKey", user.into())];
    set.resolve("f", &Context::of(&user), NOW).bool_or(false).unwrap()
}

fn variant_of(files: &[(&str, Value)], user: u64) -> Option<String> {
    let files = files.iter().map(|(key, document)| ExperimentDocument::parse(key, document).flawless().unwrap());
    let files: Vec<_> = files.collect();
    let (set, user) = (ExperimentSet::compose(&files).set, Value::from(user));
    let user = [("targetingKey", (&user).into())];
    let found = set.get("e").unwrap().assign(&Context::of(&user), NOW);
    found.variant.map(|variant| variant.name.to_string())
}

proptest! {
    #[test]
    fn features((low, high) in percentages(), user in any::<u64>(), others in 0..=100_u32) {
        let rules = |percent: f64| json!([
            {"percent": percent, "set": {"on": true}},
            {"percent": others, "salt": "other", "set": {"on": true}},
        ]);
        prop_assert!(!feature_has(&rules(low), user, NOW) || feature_has(&rules(high), user, NOW));
    }

    #[test]
    fn schedules_and_ramps_that_grow((low, high) in percentages(), user in any::<u64>(), days in prop::array::uniform2(-40_i64..40)) {
        let day = |days: i64| Moment::from_unix_ms(NOW.unix_ms() + days * 86_400_000);
        let ramp = json!([{"ramp": {"from": day(-20).to_string(), "to": day(20).to_string(), "start": low, "end": high}, "set": {"on": true}}]);
        let schedule = json!([{"schedule": [{"at": day(-20).to_string(), "percent": low}, {"at": day(20).to_string(), "percent": high}], "set": {"on": true}}]);
        let (before, after) = (day(days[0].min(days[1])), day(days[0].max(days[1])));
        for rules in [ramp, schedule] {
            prop_assert!(!feature_has(&rules, user, before) || feature_has(&rules, user, after), "{}", rules);
        }
    }

    /// Where it holds: the first bucket grows at the cost of those after it, and the sum of the weights stays.
    #[test]
    fn fractional_in_each_generation(low in 0..=1_000_u32, more in 0..=1_000_u32, user in ".{1,12}") {
        for generation in ["v1", "v2", "v3"] {
            let (low, high) = (low.min(more), low.max(more));
            prop_assert!(!flag_has(generation, low, &user) || flag_has(generation, high, &user), "{}", generation);
        }
    }

    #[test]
    fn deciders_by_every_way_of_asking(low in 0..=10_000_i64, more in 0..=10_000_i64, key in "[a-z_]{1,12}", user in ".{1,12}") {
        let file = |value: i64| json!({key.as_str(): {"default_availability": value}});
        let asked = |value: i64| {
            let file = DeciderFile::parse(&file(value)).flawless().unwrap();
            let decider = Decider::of_layers([&file]);
            [Recipient::user(user.as_str()), Recipient::guest(user.as_str())].map(|of| decider.is_available_for(&key, of).unwrap())
        };
        let as_flag = |value: i64| {
            let flags = DeciderFlags::parse("decider", &file(value)).flawless().unwrap();
            let user = [("targetingKey", user.as_str().into())];
            let flag = flags.iter().next().unwrap();
            flag.resolve(&Context::of(&user)).bool_or(false).unwrap()
        };
        let (low, high) = (low.min(more), low.max(more));
        prop_assert!(asked(low).iter().zip(asked(high)).all(|(before, after)| !before || after));
        prop_assert!(!as_flag(low) || as_flag(high));
    }

    #[test]
    fn toggles((low, high) in percentages(), id in "[a-z]{2,9}\\.[a-z]{1,20}", input in any::<i32>()) {
        prop_assert!(!Toggle::new(&id, low / 100.0).is_on(input) || Toggle::new(&id, high / 100.0).is_on(input));
    }

    /// A variant, and the part of a layer, that grow.
    #[test]
    fn experiments((low, high) in percentages(), (from, to) in percentages(), user in any::<u64>()) {
        let files = |variant: f64, layer: f64| [
            ("layers", json!({"layers": {"l": {}}})),
            ("e", json!({"owner": "a", "layer": {"name": "l", "range": [0, layer]}, "variants": {"x": {"range": [0, variant]}}})),
        ];
        let before = variant_of(&files(low, from), user);
        prop_assert!(before.is_none() || before == variant_of(&files(high, to), user));
    }
}
