//! Sets of flags as flagd has them.

use crate::{Context, ErrorCode, FlagSet, Moment, Reason, Resolution};
use serde_json::{Value, json};

const NOW: Moment = Moment::from_unix_ms(1_700_000_000_000);

fn set(document: &Value) -> FlagSet {
    FlagSet::parse(document).flawless().unwrap()
}

fn check_resolved<'s>(set: &'s FlagSet, key: &str, context: &Value) -> Resolution<'s> {
    set.resolve(key, &Context::of_json(context.as_object().unwrap()), NOW)
}

fn flag(targeting: &Value) -> Value {
    json!({"flags": {"f": {
        "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": targeting,
    }}})
}

/// Units and variants of flagd's own conformance tests, one column per generation.
#[test]
fn each_generation_of_fractional_gives_the_published_variants() {
    let document = |generation: Option<&str>| {
        let cards = ["clubs", "diamonds", "hearts", "spades", "wild"].map(|card| (card.to_owned(), card.into()));
        let mut document = json!({"flags": {"fractional-flag": {
            "state": "ENABLED",
            "variants": Value::Object(cards.into_iter().collect()),
            "defaultVariant": "wild",
            "targeting": {"fractional": [
                {"cat": [{"var": "$flagd.flagKey"}, {"var": "user.name"}]},
                ["clubs", 25], ["diamonds", 25], ["hearts", 25], ["spades", 25],
            ]},
        }}});
        if let Some(generation) = generation {
            document["metadata"] = json!({"fractional": generation});
        }
        set(&document)
    };
    let names = [json!("jack"), json!("queen"), json!("ten"), json!("nine"), json!(3)];
    for (generation, expected) in [
        (Some("v1"), ["spades", "clubs", "diamonds", "hearts", "diamonds"]),
        (None, ["hearts", "spades", "clubs", "diamonds", "clubs"]),
        (Some("v2"), ["hearts", "spades", "clubs", "diamonds", "clubs"]),
        (Some("v3"), ["diamonds", "diamonds", "clubs", "clubs", "spades"]),
    ] {
        let set = document(generation);
        let dealt = names.each_ref().map(|name| {
            let context = json!({"user": {"name": name}});
            check_resolved(&set, "fractional-flag", &context).variant.unwrap_or_default().to_owned()
        });
        assert_eq!(dealt, expected, "{generation:?}");
    }
    let wrong = json!({"metadata": {"fractional": "v4"}, "flags": {}});
    assert!(
        FlagSet::parse(&wrong).usable().unwrap_err().to_string().starts_with("/metadata/fractional: word is not known")
    );
}

#[test]
fn reasons_and_values_are_those_of_flagd() {
    let document = json!({
        "metadata": {"flagSetId": "shop", "version": 1},
        "flags": {
            "plain": {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "b"},
            "code": {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": null},
            "off": {"state": "DISABLED", "variants": {"a": "x"}, "defaultVariant": "a"},
            "bool": {"state": "ENABLED", "variants": {"true": "yes", "false": "no"}, "defaultVariant": "false",
                     "targeting": {"==": [{"var": "tier"}, "gold"]}, "metadata": {"version": 2}},
            "null": {"state": "ENABLED", "variants": {"a": {}}, "defaultVariant": "a", "targeting": {"if": [{"var": "x"}, "a", null]}},
            "bad": {"state": "ENABLED", "variants": {"a": true}, "defaultVariant": "a", "targeting": {"cat": ["no", "where"]}},
            "empty": {"state": "ENABLED", "variants": {"a": true}, "defaultVariant": "a", "targeting": {}},
        },
    });
    let set = set(&document);
    let told = |key: &str, context: Value| {
        let found = check_resolved(&set, key, &context);
        (found.value.cloned(), found.variant.map(str::to_owned), found.reason, found.error)
    };
    let ok = |value: Value, variant: &str, reason| (Some(value), Some(variant.to_owned()), reason, None);
    assert_eq!(told("plain", json!({})), ok(json!(2), "b", Reason::Static));
    assert_eq!(told("code", json!({})), (None, None, Reason::Default, None));
    assert_eq!(told("off", json!({})), (None, None, Reason::Disabled, None));
    assert_eq!(told("bool", json!({"tier": "gold"})), ok(json!("yes"), "true", Reason::TargetingMatch));
    assert_eq!(told("bool", json!({})), ok(json!("no"), "false", Reason::TargetingMatch));
    assert_eq!(told("null", json!({})), ok(json!({}), "a", Reason::Default));
    assert_eq!(told("bad", json!({})), (None, None, Reason::Error, Some(ErrorCode::ParseError)));
    assert_eq!(told("empty", json!({})), ok(json!(true), "a", Reason::Static));
    assert_eq!(told("none", json!({})), (None, None, Reason::Error, Some(ErrorCode::FlagNotFound)));
    let metadata = check_resolved(&set, "bool", &json!({})).metadata.cloned().unwrap();
    assert_eq!(Value::Object(metadata), json!({"flagSetId": "shop", "version": 2}));
    let plain = check_resolved(&set, "plain", &json!({}));
    assert_eq!(
        (plain.int_or(0), plain.float_or(0.0), plain.bool_or(true)),
        (Ok(2), Ok(2.0), Err(ErrorCode::TypeMismatch))
    );
    assert_eq!(check_resolved(&set, "off", &json!({})).text_or("mine"), Ok("mine"));
}

#[test]
fn evaluators_are_shared_and_flagd_puts_its_own_into_the_context() {
    let document = json!({
        "$evaluators": {
            "staff": {"ends_with": [{"var": "email"}, "@example.org"]},
            "late": {">": [{"var": "$flagd.timestamp"}, 1_600_000_000]},
        },
        "flags": {"f": {
            "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
            "targeting": {"if": [{"and": [{"$ref": "staff"}, {"$ref": "late"}, {"==": [{"var": "$flagd.flagKey"}, "f"]}]}, "on"]},
        }},
    });
    let set = set(&document);
    let on = |context: Value| check_resolved(&set, "f", &context).bool_or(false).unwrap();
    assert!(
        on(json!({"email": "ada@example.org", "$flagd": {"timestamp": 0}})),
        "what callers say of $flagd does not count"
    );
    assert!(!on(json!({"email": "ada@example.com"})) && !on(json!({})));
    for (evaluators, told) in [
        (
            json!({"staf": {"var": "x"}}),
            "/flags/f/targeting/$ref: there is no such evaluator: found staff, expected staf",
        ),
        (json!({"staff": {"$ref": "staff"}}), "/$evaluators/staff/$ref: there is no such evaluator"),
    ] {
        let mut document = flag(&json!({"$ref": "staff"}));
        document["$evaluators"] = evaluators;
        let problems = FlagSet::parse(&document).usable().unwrap_err();
        assert!(problems.0.iter().any(|problem| problem.to_string().starts_with(told)), "{problems:?}");
    }
}

#[test]
fn the_form_of_the_daemon_is_read() {
    let document = json!({"flags": [
        {"key": "a", "state": "ENABLED", "variants": {"x": 1}, "defaultVariant": "x", "metadata": {"flagSetId": "one"}},
        {"key": "a", "state": "ENABLED", "variants": {"x": 2}, "defaultVariant": "x", "metadata": {"flagSetId": "two"}},
    ]});
    let set = set(&document);
    assert_eq!((set.flags().count(), check_resolved(&set, "a", &json!({})).int_or(0)), (2, Ok(1)));
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (document, told) in [
        (json!([]), "value is of another kind: found a list, expected a mapping"),
        (json!({}), "member 'flags' is missing"),
        (
            json!({"flags": {"f": {"state": "ON", "variants": {"a": 1}}}}),
            "/flags/f/state: word is not known here: found ON",
        ),
        (json!({"flags": {"f": {"state": "ENABLED", "variants": {}}}}), "/flags/f/variants: flag has no variant"),
        (
            json!({"flags": {"f": {"state": "ENABLED", "variants": {"a": 1, "b": "x"}}}}),
            "/flags/f/variants/b: variants of one flag are of one type: found a text, expected a number",
        ),
        (
            json!({"flags": {"f": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "onn"}}}),
            "/flags/f/defaultVariant: default is none of the variants: found onn, expected on",
        ),
        (flag(&json!({"iff": [true, "on"]})), "/flags/f/targeting/iff: operation is not known: found iff, expected if"),
        (flag(&json!({"if": [true], "or": []})), "/flags/f/targeting: operation has several names"),
        (flag(&json!({"var": "$flagd.time"})), "/flags/f/targeting/var: flagd puts no such property"),
        (flag(&json!({"fractional": []})), "/flags/f/targeting/fractional: value is of another kind"),
        (flag(&json!({"fractional": [["on", 0.5]]})), "/flags/f/targeting/fractional/0/1: weight is no whole number"),
        (flag(&json!({"fractional": [["on", 2_147_483_647], ["off", 1]]})), "weights are too large together"),
    ] {
        let problems = FlagSet::parse(&document).usable().unwrap_err();
        assert!(
            problems.0.iter().any(|problem| problem.to_string().starts_with(told) || problem.message.starts_with(told)),
            "{problems:?}"
        );
    }
}
