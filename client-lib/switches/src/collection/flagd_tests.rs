//! What is written for flagd means what it meant.

use crate::{Context, FlagSet, FlagdSet, LeftOut, Moment, SwitchFile, Switches};
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn switches(files: &[(&str, Value)]) -> Switches {
    let read = |(path, document): &(&str, Value)| {
        let key = path.trim_start_matches("features/").trim_end_matches(".yaml");
        ((*path).to_owned(), Arc::new(SwitchFile::parse(key, document).usable().unwrap()))
    };
    let documents = files.iter().map(|(path, document)| ((*path).to_owned(), Arc::new(document.clone())));
    Switches::of(files.iter().map(read)).with_documents(documents)
}

fn flag(value: &Value) -> Value {
    json!({"state": "ENABLED", "variants": {"x": value}, "defaultVariant": "x"})
}

fn all(switches: &Switches) -> FlagdSet {
    switches.to_flagd(|_, _| true)
}

/// Holds every key of a set against the original, for contexts and moments.
fn check_same(switches: &Switches, contexts: &[Value], moments: &[i64]) {
    let written = FlagSet::parse(&Value::Object(all(switches).document)).flawless().unwrap();
    for (context, ms) in contexts.iter().flat_map(|context| moments.iter().map(move |ms| (context, *ms))) {
        let (context, now) = (Context::of_json(context.as_object().unwrap()), Moment::from_unix_ms(ms));
        for flag in written.flags() {
            let (here, there) = (switches.resolve(flag.key(), &context, now), flag.resolve(&context, now));
            assert_eq!(here, there, "{} for {context:?} at {ms}", flag.key());
        }
    }
}

fn rules(rules: &Value) -> Value {
    json!({
        "owner": "shop", "stage": "beta",
        "parameters": {"on": {"type": "bool", "default": false}, "size": {"type": "int", "default": 1}},
        "rules": rules,
    })
}

#[test]
fn features_say_the_same_in_the_words_of_flagd() {
    let feature = rules(&json!([
        {"name": "nobody", "percent": 0, "set": {"size": 9}},
        {"name": "dated", "from": "2023-11-14T22:13:20Z", "until": "2023-11-14T22:13:21.500Z", "set": {"size": 7}},
        {"name": "fits", "set": {"size": 2}, "when": {
            "country": ["DE", "FR", 42], "app": {"version": ">=2.1 <3"}, "age": {"at_least": 18, "below": 30},
            "roles": {"contains": "staff"}, "email": {"ends_with": "@example.org", "is_not": "x@example.org"},
        }},
        {"when": {"any": [{"tier": "gold"}, {"not": {"beta": {"exists": false}}}]}, "set": {"on": true}},
        {"name": "rest", "when": {"plan": {"none_of": ["free", "trial"]}, "seats": {"above": 3, "at_most": 5}}, "set": {"size": 3}},
    ]));
    let switches = switches(&[("features/shop/cart.yaml", feature), ("features/plain.yaml", rules(&json!([])))]);
    let keys: Vec<_> = all(&switches).document["flags"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["plain", "plain.on", "plain.size", "shop/cart", "shop/cart.on", "shop/cart.size"]);
    let fits = json!({"country": "DE", "app": "2.4.0", "age": 18, "roles": ["staff"], "email": "a@example.org"});
    let mut contexts =
        vec![json!({}), fits.clone(), json!({"tier": "gold"}), json!({"beta": 0}), json!({"beta": null})];
    contexts.extend([json!({"plan": "pro", "seats": 4}), json!({"seats": 4}), json!({"plan": "free", "seats": 4})]);
    for (name, other) in [
        ("country", json!("42")),
        ("country", json!("US")),
        ("app", json!("3.0.0")),
        ("age", json!(30)),
        ("age", json!("x")),
        ("roles", json!("staff")),
        ("roles", Value::Null),
        ("email", json!("x@example.org")),
    ] {
        let mut context = fits.clone();
        context[name] = other;
        contexts.push(context);
    }
    // To the second, as flagd tells the time.
    check_same(&switches, &contexts, &[0, 1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000]);
}

#[test]
fn what_flagd_has_no_words_for_is_left_out() {
    let mut large = rules(&json!([]));
    large["parameters"]["size"]["default"] = json!(9_007_199_254_740_993_i64);
    let mut needy = rules(&json!([]));
    needy["requires"] = json!({"plain": {"on": true}});
    let switches = switches(&[
        ("features/half.yaml", rules(&json!([{"percent": 50, "set": {"on": true}}]))),
        ("features/large.yaml", large),
        ("features/needy.yaml", needy),
        ("features/twice.yaml", rules(&json!([{"name": "a", "set": {}, "when": {"x": 1}}, {"name": "a", "set": {}}]))),
        ("flags/a.json", json!({"flags": {"odd": {"state": "ENABLED", "variants": {"true": 1}, "targeting": true}}})),
        (
            "flags/b.json",
            json!({"$evaluators": {"yes": true}, "flags": {
                "ref": {"state": "ENABLED", "variants": {"true": 1}, "targeting": {"and": [{"$ref": "yes"}]}},
                "fine": flag(&json!(1)),
            }}),
        ),
    ]);
    let set = all(&switches);
    let told: Vec<_> = set.left_out.iter().map(|LeftOut { key, reason }| format!("{key}: {reason}")).collect();
    assert_eq!(
        told,
        [
            "half: rule 'rule 1' takes a share",
            "large: it has a number that not every language tells from its neighbours",
            "needy: it has prerequisites",
            "twice: it has several rules 'a'",
            "odd: its targeting is no rule",
            "ref: its evaluator 'yes' is no rule",
        ]
    );
    assert_eq!(Value::Object(set.document), json!({"flags": {"fine": flag(&json!(1))}}));
}

#[test]
fn documents_with_evaluators_of_the_same_name_do_not_mix() {
    let document = |key: &str, tier: &str| {
        json!({
            "$evaluators": {"staff": {"==": [{"var": "tier"}, tier]}, "unused": {"==": [1, 1]}},
            "flags": {key: {
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                "targeting": {"if": [{"$ref": "staff"}, "on"]},
            }},
        })
    };
    let switches = switches(&[
        ("flags/a.json", document("a", "gold")),
        ("flags/b.json", document("b", "blue")),
        ("flags/c.json", document("c", "gold")),
    ]);
    let evaluators = all(&switches).document["$evaluators"].clone();
    assert_eq!(
        evaluators,
        json!({
            "staff": {"==": [{"var": "tier"}, "gold"]}, "staff-2": {"==": [{"var": "tier"}, "blue"]},
        })
    );
    check_same(&switches, &[json!({"tier": "gold"}), json!({"tier": "blue"}), json!({})], &[0]);
}

#[test]
fn the_first_of_a_key_counts_among_what_is_selected() {
    let listed = json!({"metadata": {"flagSetId": "one"}, "flags": [
        {"key": "a", "state": "ENABLED", "variants": {"x": 1}, "defaultVariant": "x"},
        {"key": "a", "state": "DISABLED", "variants": {"x": 2}, "metadata": {"flagSetId": "two", "n": 1}},
    ]});
    let switches = switches(&[
        ("features/a.yaml", rules(&json!([]))),
        ("flags/a.json", listed),
        ("flags/b.json", json!({"flags": {"a": flag(&json!(3)), "a.on": flag(&json!(4))}})),
    ]);
    let set_id =
        |id: &'static str| move |_: &str, metadata: &Map<String, Value>| metadata.get("flagSetId") == Some(&json!(id));
    let from = |path: &'static str| move |found: &str, _: &Map<String, Value>| found == path;
    let flags = |set: FlagdSet| set.document["flags"].clone();
    let one = flag(&json!(1));
    assert_eq!(flags(switches.to_flagd(set_id("one"))), {
        let mut one = one.clone();
        one["metadata"] = json!({"flagSetId": "one"});
        json!({"a": one})
    });
    assert_eq!(
        flags(switches.to_flagd(set_id("two"))),
        json!({"a": {"state": "DISABLED", "variants": {"x": 2}, "metadata": {"flagSetId": "two", "n": 1}}})
    );
    assert_eq!(flags(switches.to_flagd(from("flags/b.json"))), json!({"a": flag(&json!(3)), "a.on": flag(&json!(4))}));
    let whole = flags(all(&switches));
    assert_eq!((&whole["a"]["variants"]["default"]["size"], &whole["a.on"]), (&json!(1), &flag(&json!(4))));
    assert_eq!(flags(switches.to_flagd(set_id("three"))), json!({}));

    let value = |place| {
        let found = switches.resolve_at(place, "a", &Context::default(), Moment::from_unix_ms(0));
        (found.value.cloned(), found.reason.as_str())
    };
    assert_eq!(switches.find_among("a", set_id("one")).map(value), Some((Some(json!(1)), "STATIC")));
    assert_eq!(switches.find_among("a", set_id("two")).map(value), Some((None, "DISABLED")));
    assert_eq!(switches.find_among("a", from("flags/b.json")).map(value), Some((Some(json!(3)), "STATIC")));
    assert!(switches.find_among("a.on", from("features/a.yaml")).is_some());
    assert!(switches.find_among("a", set_id("three")).is_none() && switches.find_among("b", |_, _| true).is_none());
}

#[test]
fn marks_tell_which_keys_changed() {
    let feature = |size: u32| rules(&json!([{"when": {"country": "DE"}, "set": {"size": size}}]));
    let mut needy = rules(&json!([]));
    needy["requires"] = json!({"cart.size": 1});
    let flags = |staff: u32, b: u32| json!({"$evaluators": {"staff": {"==": [1, staff]}}, "flags": {"a": flag(&json!(1)), "b": flag(&json!(b))}});
    let files = |cart: u32, staff: u32, b: u32| {
        switches(&[
            ("features/cart.yaml", feature(cart)),
            ("features/needy.yaml", needy.clone()),
            ("features/other.yaml", rules(&json!([]))),
            ("flags/a.json", flags(staff, b)),
            ("flags/z.json", json!({"flags": {"a": flag(&json!(b)), "cart.size": flag(&json!(0))}})),
        ])
    };
    let changed = |other: &Switches| {
        let before = files(5, 1, 2);
        let (before, after) = (before.marks(|_, _| true), other.marks(|_, _| true));
        assert!(before.keys().eq(after.keys()));
        before.iter().filter(|(key, mark)| after[*key] != **mark).map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()
    };
    assert!(changed(&files(5, 1, 2)).is_empty());
    // The flag 'cart.size', which goes before the parameter, stays; the other 'a' does not count.
    assert_eq!(changed(&files(6, 1, 2)), ["cart", "cart.on"]);
    assert_eq!(changed(&files(5, 1, 3)), ["b", "needy", "needy.on", "needy.size"]);
    assert_eq!(changed(&files(5, 2, 2)), ["a", "b"]);
}
