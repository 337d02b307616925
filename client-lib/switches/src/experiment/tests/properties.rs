//! What must hold of any experiments.

use super::*;
use proptest::prelude::*;

/// Units that are asked about.
const UNITS: i64 = 400;

fn experiment(variants: &Value, others: &Value) -> ExperimentDocument {
    let mut document = json!({"owner": "a", "unit": "user", "variants": variants});
    let others = others.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(others);
    ExperimentDocument::parse("e", &document).flawless().unwrap()
}

fn named(key: &str, others: &Value) -> ExperimentDocument {
    let mut document = json!({"owner": "a", "unit": "user", "variants": {"on": {"range": [0, 100]}}});
    document.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    ExperimentDocument::parse(key, &document).flawless().unwrap()
}

fn layers(text: &Value) -> ExperimentDocument {
    ExperimentDocument::parse(LAYERS_KEY, text).flawless().unwrap()
}

fn assigned(set: &ExperimentSet, key: &str, user: i64) -> (Option<String>, Cause) {
    let context = [("user", user.into())];
    let found = set.get(key).unwrap().assign(&Context::of(&context), Moment::from_unix_ms(0));
    (found.variant.map(|variant| variant.name.to_string()), found.cause)
}

fn everybody(files: &[&ExperimentDocument], key: &str) -> Vec<(Option<String>, Cause)> {
    let Composition { set, problems } = ExperimentSet::compose(files.iter().copied());
    assert_eq!(problems, []);
    (0..UNITS).map(|user| assigned(&set, key, user)).collect()
}

/// Six ends of ranges, in their order.
fn cuts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0..=100_000_u32, 6).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.into_iter().map(|cut| f64::from(cut) / 1_000.0).collect()
    })
}

proptest! {
    #[test]
    fn growing_a_variant_moves_nobody_else(cuts in cuts(), share in 0.0..=1.0) {
        let before = json!({"a": {"range": [cuts[0], cuts[1]]}, "b": {"range": [cuts[2], cuts[3]]}});
        let grown = [cuts[3], cuts[3] + (cuts[4] - cuts[3]) * share];
        let after = json!({"a": {"range": [cuts[0], cuts[1]]}, "b": {"range": [[cuts[2], cuts[3]], grown]}, "c": {"range": [cuts[4], cuts[5]]}});
        let nothing = json!({});
        let (before, after) = (experiment(&before, &nothing), experiment(&after, &nothing));
        for (user, (before, after)) in everybody(&[&before], "e").into_iter().zip(everybody(&[&after], "e")).enumerate() {
            prop_assert!(before.0.is_none() || before == after, "{user}: {before:?} {after:?}");
        }
    }

    #[test]
    fn nobody_is_in_two_experiments_of_a_layer(cuts in cuts(), shuffle in 0..5_u64) {
        let layers = layers(&json!({"layers": {"l": {"unit": "user", "shuffle": shuffle}}}));
        let within = |range: Value| json!({"layer": {"name": "l", "range": range}});
        let a = named("a", &within(json!([[cuts[0], cuts[1]], [cuts[4], cuts[5]]])));
        let b = named("b", &within(json!([cuts[1], cuts[4]])));
        let files = [&layers, &a, &b];
        for (user, (a, b)) in everybody(&files, "a").into_iter().zip(everybody(&files, "b")).enumerate() {
            prop_assert!(a.0.is_none() || b.0.is_none(), "{user} is in both");
        }
    }

    #[test]
    fn ranges_of_a_layer_that_overlap_are_told(cuts in cuts()) {
        let layers = layers(&json!({"layers": {"l": {}}}));
        let within = |from: f64, to: f64| json!({"layer": {"name": "l", "range": [from, to]}});
        let (a, b) = (named("a", &within(cuts[0], cuts[2])), named("b", &within(cuts[1], cuts[3])));
        let overlap = cuts[1] < cuts[2];
        prop_assert_eq!(ExperimentSet::compose([&layers, &a, &b]).problems.len(), usize::from(overlap));
    }

    /// Whatever becomes of experiments, who is held out stays so, and a holdout that grows only adds.
    #[test]
    fn a_holdout_is_stable(held in 0..=60_u32, more in 0..=40_u32, shuffles in prop::array::uniform2(0..9_u64)) {
        let layers = |held: u32| layers(&json!({"holdouts": {"h": {"unit": "user", "range": [0, held]}}}));
        let (small, large) = (layers(held), layers(held + more));
        let [a, b] = shuffles.map(|shuffle| named("e", &json!({"holdouts": ["h"], "shuffle": shuffle})));
        let held = |layers: &ExperimentDocument, experiment: &ExperimentDocument| -> Vec<bool> {
            everybody(&[layers, experiment], "e").into_iter().map(|(_, cause)| cause == Cause::HeldOut).collect()
        };
        let (first, second, grown) = (held(&small, &a), held(&small, &b), held(&large, &b));
        prop_assert_eq!(&first, &second);
        prop_assert!(first.iter().zip(&grown).all(|(before, after)| !before || *after));
    }

    /// What an explanation says is what is assigned, and its last step says why.
    #[test]
    fn explanations_are_what_happened(user in any::<i64>(), at in any::<i32>()) {
        let both = set(&[("layers", LAYERS), ("b", BUTTON)]);
        let (context, now) = ([("user", user.into()), ("country", "DE".into())], Moment::from_unix_ms(i64::from(at) * 1_000));
        let context = Context::of(&context);
        let button = both.get("b").unwrap();
        let (explained, steps) = button.explain(&context, now);
        prop_assert_eq!(explained, button.assign(&context, now));
        let ended = steps.last().unwrap().to_string();
        prop_assert!(explained.cause == Cause::Dealt || ended.ends_with("ends here") || ended.ends_with("no variant has it"), "{}", ended);
    }
}

/// Shares come out within three standard deviations, and buckets of what has another salt are independent.
#[test]
fn a_hundred_thousand_units_are_spread_and_independent() {
    let units = 100_000_i64;
    let three_sigma = |share: f64| 3.0 * (units as f64 * share * (1.0 - share)).sqrt();
    let layers =
        layers(&json!({"layers": {"l": {"unit": "user"}}, "holdouts": {"h": {"unit": "user", "range": [0, 50]}}}));
    let half = json!({"range": [0, 50]});
    let part = |key: &str, others: Value| {
        let mut document = json!({"owner": "a", "unit": "user", "variants": {"a": half, "b": {"range": [50, 60]}, "c": {"range": [90, 90.1]}}});
        document.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
        ExperimentDocument::parse(key, &document).flawless().unwrap()
    };
    let files = [
        layers,
        part("x", json!({})),
        part("y", json!({})),
        part("z", json!({"salt": "x", "shuffle": 2})),
        part("layered", json!({"layer": {"name": "l", "range": [0, 50]}})),
        part("held", json!({"holdouts": ["h"]})),
    ];
    let set = ExperimentSet::compose(&files).set;
    let is_in = |key: &str, name: &str| -> Vec<bool> {
        (0..units).map(|user| assigned(&set, key, user).0.as_deref() == Some(name)).collect()
    };
    let x = is_in("x", "a");
    let check_share = |found: &[bool], share: f64, what: &str| {
        let count = found.iter().filter(|is_in| **is_in).count() as f64;
        assert!((count - share * units as f64).abs() <= three_sigma(share), "{what}: {count} at {share}");
    };
    check_share(&x, 0.5, "x a");
    check_share(&is_in("x", "b"), 0.1, "x b");
    check_share(&is_in("x", "c"), 0.001, "x c");
    for (key, share) in [("y", 0.25), ("z", 0.25), ("layered", 0.125), ("held", 0.125)] {
        let both: Vec<_> = x.iter().zip(is_in(key, "a")).map(|(x, other)| *x && other).collect();
        check_share(&both, share, key);
    }
}
