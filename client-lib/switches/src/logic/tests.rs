//! Rules and what comes of them.

use super::{Compiler, Datum, Scope};
use crate::{Context, Moment, reading::Reading};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) fn check_evaluated(rule: &Value, context: &Value) -> Value {
    let mut reading = Reading::default();
    let rule = Compiler::default().compile(&mut reading, rule);
    let rule = reading.finish(rule).usable().unwrap();
    let empty = serde_json::Map::new();
    let context = Context::of_json(context.as_object().unwrap_or(&empty));
    value_of(&rule.evaluate(&Scope::new(context, "flag", Moment::from_unix_ms(7_000))))
}

fn value_of(datum: &Datum<'_>) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Bool(value) => json!(value),
        Datum::Int(value) => json!(value),
        Datum::Float(value) => json!(value),
        Datum::Text(_) | Datum::Made(_) => json!(datum.text()),
        Datum::Json(value) => (*value).clone(),
        Datum::Whole(_) => json!({}),
        list => list.items().unwrap().map(|item| value_of(&item)).collect(),
    }
}

#[test]
fn operations_give_what_the_reference_gives() {
    for (rule, context, expected) in [
        (json!({"var": "a.b.1"}), json!({"a": {"b": [1, "x"]}}), json!("x")),
        (json!({"var": ["z", 5]}), json!({}), json!(5)),
        (json!({"var": {"cat": ["a", ".", "b"]}}), json!({"a": {"b": 3}}), json!(3)),
        (json!({"if": [false, 1, false, 2, 3]}), json!({}), json!(3)),
        (json!({"if": [[], 1]}), json!({}), json!(null)),
        (json!({"and": [1, "", 2]}), json!({}), json!("")),
        (json!({"or": [0, null, "x"]}), json!({}), json!("x")),
        (json!({"==": [1, "1"]}), json!({}), json!(true)),
        (json!({"===": [1, "1"]}), json!({}), json!(false)),
        (json!({"===": [1, 1.0]}), json!({}), json!(true)),
        (json!({"==": [null, 0]}), json!({}), json!(false)),
        (json!({"!=": [true, 1]}), json!({}), json!(false)),
        (json!({"==": [9_007_199_254_740_993_i64, 9_007_199_254_740_992_i64]}), json!({}), json!(false)),
        (json!({"<": [1, {"var": "x"}, 3]}), json!({"x": 2}), json!(true)),
        (json!({"<=": [1, 1, 0]}), json!({}), json!(false)),
        (json!({">": ["b", "a"]}), json!({}), json!(true)),
        (json!({"<": ["a", 1]}), json!({}), json!(false)),
        (json!({"in": ["b", ["a", "b"]]}), json!({}), json!(true)),
        (json!({"in": [1, ["1"]]}), json!({}), json!(false)),
        (json!({"in": ["ell", "hello"]}), json!({}), json!(true)),
        (json!({"in": [{"var": "x"}, ["a", "b", "c", "d", "e", "f", "g", "h", "i"]]}), json!({"x": "e"}), json!(true)),
        (json!({"in": [{"var": "x"}, ["a", "b", "c", "d", "e", "f", "g", "h", "i"]]}), json!({"x": 5}), json!(false)),
        (json!({"cat": ["a", 1, 2.5, true, null, ["x", 1]]}), json!({}), json!("a12.5truex,1")),
        (json!({"substr": ["jsonlogic", 4]}), json!({}), json!("logic")),
        (json!({"substr": ["jsonlogic", -5]}), json!({}), json!("logic")),
        (json!({"substr": ["jsonlogic", 4, -2]}), json!({}), json!("log")),
        (json!({"substr": ["jsonlogic", 1, 3]}), json!({}), json!("son")),
        (json!({"+": ["3", 4, 0.5]}), json!({}), json!(7.5)),
        (json!({"-": [5]}), json!({}), json!(-5)),
        (json!({"/": [7, 2]}), json!({}), json!(3.5)),
        (json!({"%": [101, 2]}), json!({}), json!(1)),
        (json!({"/": [1, 0]}), json!({}), json!(null)),
        (json!({"max": [1, 3, 2]}), json!({}), json!(3)),
        (json!({"min": [1.5, -3]}), json!({}), json!(-3)),
        (json!({"merge": [1, [2, [3]], "x"]}), json!({}), json!([1, 2, [3], "x"])),
        (json!({"missing": ["a", "b.c"]}), json!({"a": 1}), json!(["b.c"])),
        (json!({"missing_some": [1, ["a", "b"]]}), json!({"a": 1}), json!([])),
        (json!({"missing_some": [2, ["a", "b", "c"]]}), json!({"a": 1}), json!(["b", "c"])),
        (json!({"map": [{"var": "x"}, {"*": [{"var": ""}, 2]}]}), json!({"x": [1, 2]}), json!([2, 4])),
        (
            json!({"filter": [{"var": "x"}, {">": [{"var": "n"}, 1]}]}),
            json!({"x": [{"n": 1}, {"n": 2}]}),
            json!([{"n": 2}]),
        ),
        (json!({"reduce": [[1, 2, 3], {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}), json!({}), json!(6)),
        (json!({"all": [[], true]}), json!({}), json!(false)),
        (json!({"some": [["a", "b"], {"==": [{"var": ""}, "b"]}]}), json!({}), json!(true)),
        (json!({"none": [[1], {">": [{"var": ""}, 1]}]}), json!({}), json!(true)),
        (json!({"starts_with": [{"var": "e"}, "ada@"]}), json!({"e": "ada@x"}), json!(true)),
        (json!({"ends_with": [{"var": "e"}, "x", "y"]}), json!({"e": "ada@x"}), json!(null)),
        (json!({"ends_with": [5, "5"]}), json!({}), json!(null)),
        (json!({"sem_ver": [{"var": "v"}, ">=", "1.2"]}), json!({"v": "v1.10.0"}), json!(true)),
        (json!({"sem_ver": [2, "^", "2.9.9"]}), json!({}), json!(true)),
        (json!({"sem_ver": ["x", "=", "1"]}), json!({}), json!(null)),
        (json!({"sem_ver": ["1", "==", "1"]}), json!({}), json!(null)),
        (json!({"!": [[]]}), json!({}), json!(true)),
        (json!({"!!": ["0"]}), json!({}), json!(true)),
        (json!([1, {"var": "x"}]), json!({"x": 2}), json!([1, 2])),
        (json!({"fractional": [["a"]]}), json!({"targetingKey": "x"}), json!("a")),
        (json!({"fractional": [["a"]]}), json!({}), json!(null)),
        (
            json!({"fractional": [{"var": "u"}, ["a", 0], ["b", {"-": [{"var": "$flagd.timestamp"}, 6]}]]}),
            json!({"u": "x"}),
            json!("b"),
        ),
        (json!({"fractional": [{"var": "u"}, ["a", {"-": [0, 5]}]]}), json!({"u": "x"}), json!(null)),
    ] {
        assert_eq!(check_evaluated(&rule, &context), expected, "{rule} on {context}");
    }
}

/// Trees of operations with any arguments, sensible or not.
fn rules() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c.$]{0,3}".prop_map(Value::from),
        "[a-c.]{0,3}".prop_map(|path| json!({"var": path})),
    ];
    let names = prop::sample::select(vec![
        "if",
        "and",
        "or",
        "!",
        "!!",
        "==",
        "===",
        "!=",
        "!==",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "cat",
        "substr",
        "+",
        "-",
        "*",
        "/",
        "%",
        "min",
        "max",
        "missing",
        "missing_some",
        "merge",
        "map",
        "filter",
        "all",
        "some",
        "none",
        "reduce",
        "starts_with",
        "ends_with",
        "sem_ver",
        "fractional",
        "var",
    ]);
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let arguments = prop::collection::vec(inner, 0..4);
        prop_oneof![
            arguments.clone().prop_map(Value::from),
            (names.clone(), arguments).prop_map(|(name, arguments)| json!({name: arguments})),
        ]
    })
}

/// Rules of a few bytes that would make or go over as much as one likes.
#[test]
fn a_rule_cannot_eat_memory_or_time() {
    let acc = json!({"var": "accumulator"});
    let items: Vec<u32> = (0..100_000).collect();
    let nested = json!({"map": [{"var": "items"}, {"map": [{"var": ""}, 1]}]});
    for rule in [
        json!({"cat": [acc, acc]}),
        json!({"merge": [acc, acc]}),
        json!([acc, acc]),
        json!([acc]),
        json!({"if": [{"==": [acc, [acc]]}, 1, [acc, acc]]}),
        json!({"substr": [{"cat": [acc, "x", acc]}, 0]}),
        json!({"cat": [[acc, acc]]}),
        json!({"map": [[acc, acc], {"var": ""}]}),
    ] {
        for start in [json!("0123456789"), json!([1, [2, "x"]])] {
            let rule = json!({"reduce": [{"var": "items"}, rule, start]});
            assert_eq!(check_spent(&rule, &json!({"items": items})), Value::Null, "{rule}");
        }
    }
    let squared = json!({"map": [items, {"in": [7, items]}]});
    assert!(check_spent(&squared, &json!({})).is_null());
    assert_eq!(check_evaluated(&nested, &json!({"items": [[1, 2], [3]]})), json!([[1, 1], [1]]));
}

/// Returns what comes of a rule that does more than it may.
fn check_spent(rule: &Value, context: &Value) -> Value {
    let mut reading = Reading::default();
    let rule = Compiler::default().compile(&mut reading, rule).unwrap();
    let scope = Scope::new(Context::of_json(context.as_object().unwrap()), "flag", Moment::from_unix_ms(0));
    let found = value_of(&rule.evaluate(&scope));
    assert!(scope.fuel.is_spent());
    if found.is_array() { Value::Null } else { found }
}

proptest! {
    #[test]
    fn nothing_that_compiles_panics(rule in rules(), context in "[a-c]{0,3}") {
        let mut reading = Reading::default();
        let Some(compiled) = Compiler::default().compile(&mut reading, &rule) else { return Ok(()) };
        let context = json!({"a": context, "b": [1, "x", {"a": null}], "c": {"a": 1.5}, "targetingKey": "k"});
        let context = Context::of_json(context.as_object().unwrap());
        value_of(&compiled.evaluate(&Scope::new(context, "f", Moment::from_unix_ms(1_000))));
    }
}
