use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn judge(rule: &str, document: &Value, previous: &Value) -> Outcome {
    let groups = ["ops".to_owned()];
    let facts = Facts {
        document,
        previous,
        path: "a/b.json",
        author: "mia",
        groups: &groups,
        teams: &groups,
        now_ms: 1_795_269_906_007,
    };
    Judgement::of(facts).judge(&Expression::compile(rule).unwrap_or_else(|error| panic!("{rule}: {error}")))
}

fn check_holds(rule: &str, document: &Value, previous: &Value) {
    assert_eq!(judge(rule, document, previous), Outcome::Holds, "{rule}");
}

fn check_blamed(rule: &str, document: &Value, pointer: &str, found: Option<&str>) {
    let Outcome::Broken(culprit) = judge(rule, document, &Value::Null) else { panic!("{rule} is not broken") };
    assert_eq!((&*culprit.pointer, culprit.found.as_deref()), (pointer, found), "{rule}");
}

fn check_failed(rule: &str, document: &Value, reason: &str) -> String {
    let Outcome::Failed(text, culprit) = judge(rule, document, &Value::Null) else { panic!("{rule} did not fail") };
    assert_eq!(text, reason, "{rule}");
    culprit.pointer
}

#[test]
fn the_rules_of_the_manual_run() {
    let (new, old) = (json!({"limit": 6, "rate": 2.5}), json!({"limit": 3, "rate": 2}));
    check_holds("old == null || self.limit <= old.limit * 2", &new, &old);
    check_holds("old == null || self.limit <= old.limit * 2", &new, &Value::Null);
    check_holds("num(self.rate) <= num(old.rate) * 2.0", &new, &old);
    check_holds("self.rate > 2 && self.limit < 6.5 && self.limit == 6.0", &new, &old);
    check_holds("author == 'mia' && 'ops' in groups && path.endsWith('.json')", &new, &old);
    check_holds(
        "now > timestamp('2026-01-01T00:00:00Z') && now - timestamp('2026-11-21T00:00:00Z') < duration('24h')",
        &new,
        &old,
    );
    check_holds("now.getDayOfWeek() == 6 && now.getHours() == 14", &new, &old);
    check_holds("self.?missing.orValue(3) == 3 && !has(self.missing)", &new, &old);
}

#[test]
fn integers_are_exact_over_the_whole_range() {
    let document = json!({"max": u64::MAX, "min": i64::MIN, "int": i64::MAX});
    check_holds("self.max == 18446744073709551615u && type(self.max) == uint", &document, &Value::Null);
    check_holds(
        "self.min < 0 && type(self.int) == int && self.max > self.int && self.min < self.max",
        &document,
        &Value::Null,
    );
    check_failed("self.int + 1 > 0", &document, "result of add does not fit");
}

#[test]
fn an_error_refuses_and_says_why() {
    let document = json!({"a": 1, "f": 1.5, "text": "x", "list": [1]});
    assert_eq!(check_failed("self.b == 1", &document, "there is no \"b\""), "");
    check_failed("self.a * 1.5 > 1.0", &document, "cannot mul int and double; num(x) makes a double of any number");
    assert_eq!(check_failed("num(self.text) > 1.0", &document, "num: string is no number"), "/text");
    check_failed("self.a / 0 == 1", &document, "division by zero");
    check_failed("self.a", &document, "gives int, expected true or false");
    check_failed("null", &document, "gives null, expected true or false");
    check_failed("timestamp(self.text) < now", &document, "timestamp: expected RFC 3339, as in 2026-01-31T09:30:00Z");
    assert!(matches!(judge("self.a.b.c", &document, &Value::Null), Outcome::Failed(..)));
    assert!(matches!(judge("self.text.matches('(')", &document, &Value::Null), Outcome::Failed(..)));
    assert!(matches!(judge("self.list[9] == 1", &document, &Value::Null), Outcome::Failed(..)));
    assert!(matches!(judge("self.limit == 1", &Value::Null, &Value::Null), Outcome::Failed(..)));
}

#[test]
fn the_caret_stands_at_the_value_to_blame() {
    let document =
        json!({"low": 5, "high": 3, "ports": [{"n": 80}, {"n": 0}], "by/name": {"x": {"w": 1}, "y": {"w": -1}}});
    check_blamed("self.low <= self.high", &document, "/low", Some("5"));
    check_blamed("self.low > 0 && self.high > 3", &document, "/high", Some("3"));
    check_blamed("self.ports.all(p, p.n > 0)", &document, "/ports/1/n", Some("0"));
    check_blamed("self['by/name'].all(k, self['by/name'][k].w > 0)", &document, "/by~1name/y/w", Some("-1"));
    check_blamed("has(self.owner)", &document, "", None);
    check_blamed("self.ports.exists(p, p.n == 1)", &document, "/ports", None);
    check_blamed("path == 'x'", &document, "", None);
}

#[test]
fn mistakes_are_told_when_the_rule_is_compiled() {
    for (rule, place, start) in [
        ("self.limit <", (1, 13), "mismatched input '<EOF>'"),
        ("self.a == 1 &&\n  slef.b", (2, 3), "variable \"slef\" is not known; variables are self, old,"),
        ("self.a.starts_with('x')", (1, 19), "function \"starts_with\" is not known"),
        ("Point{x: 1} == null", (1, 6), "message \"Point\" is not known"),
        ("", (1, 1), "mismatched input"),
        ("self.list.all(x, y > 1)", (1, 18), "variable \"y\""),
    ] {
        let error = Expression::compile(rule).unwrap_err();
        assert!(error.message.starts_with(start), "{rule}: {}", error.message);
        assert_eq!((error.line, error.column), place, "{rule}: {}", error.message);
    }
    let long = format!("true{}", " ".repeat(EXPRESSION_BYTES_MAX));
    assert_eq!(Expression::compile(&long).unwrap_err().message, "expression has 4100 bytes, at most 4096 are allowed");
}

#[test]
fn what_the_library_offers_is_known_by_name() {
    for rule in [
        "'a,b'.split(',').join('-').upperAscii() == 'A-B' && 'x'.charAt(0) == 'x' && 'abc'.substring(1) == 'bc'",
        "[3, 1].sort() == [1, 3] && [[1], [2]].flatten() == [1, 2] && [1, 1].distinct() == [1] && lists.range(2) == [0, 1]",
        "math.greatest(1, 2) == 2 && math.least([1, 2]) == 1 && math.ceil(1.2) == 2.0 && math.abs(-1) == 1",
        "optional.of(1).hasValue() && optional.none().orValue(2) == 2 && {'a': 1}.?a.optMap(x, x + 1).value() == 2",
        "[1, 2].map(x, x * 2).filter(x, x > 2).exists_one(x, x == 4) && size('abc') == 3 && bytes('a') == b'a'",
        "string(1) + string(1.5) == '11.5' && int('7') == 7 && uint(7) == 7u && double('1.5') == 1.5 && bool('true')",
        "'%d items'.format([3]) == '3 items' && 'a'.matches('^[a-z]$') && dyn(1) == 1 && type('') == string",
    ] {
        check_holds(rule, &Value::Null, &Value::Null);
    }
}

#[test]
fn texts_made_to_hurt_are_compiled_or_refused_quickly() {
    let nested = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let hostile = [
        nested("(", ")", 2_000),
        nested("[", "]", 2_000),
        nested("!(", ")", 1_300),
        nested("{1:", "}", 1_000),
        nested("[1].map(x,", ")", 300),
        "-".repeat(4_000) + "1",
        "1+".repeat(400) + "1",
        "true?".repeat(400),
        "a.b(".repeat(1_000),
        "self".to_owned() + &".a".repeat(400),
        "true&&".repeat(400) + "true",
        "\"".to_owned() + &"\\u".repeat(2_000),
    ];
    // As much stack as the child has; without optimisation a term needs far more of it.
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || hostile.iter().for_each(|rule| check_survived(rule)));
    thread.unwrap().join().unwrap();
}

fn check_survived(rule: &str) {
    if let Ok(expression) = Expression::compile(rule) {
        let facts = Facts {
            document: &json!(1),
            previous: &Value::Null,
            path: "",
            author: "",
            groups: &[],
            teams: &[],
            now_ms: 0,
        };
        let _ = Judgement::of(facts).judge(&expression);
    }
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[ab~/]{0,2}", inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn any_rule() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("self".to_owned()),
        Just("old".to_owned()),
        Just("1".to_owned()),
        Just("1.5".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("18446744073709551615u".to_owned()),
        Just("'a'".to_owned()),
        Just("null".to_owned()),
        Just("[]".to_owned()),
        Just("now".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "<", "==", "&&", "||", "in"]);
        let function = prop::sample::select(vec!["num", "size", "timestamp", "duration", "int", "string", "type"]);
        let over = prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter"]);
        let member = prop::sample::select(vec!["a", "b", "?a", "getMonth()", "size()", "matches('(')", "reverse()"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), member).prop_map(|(a, m)| format!("{a}.{m}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (inner.clone(), over, inner.clone()).prop_map(|(a, f, b)| format!("{a}.{f}(x, {b} == x)")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #[test]
    fn no_rule_panics_on_any_document(rule in any_rule(), document in any_document(), previous in any_document()) {
        if let Ok(expression) = Expression::compile(&rule) {
            let facts = Facts {
                document: &document, previous: &previous, path: "p", author: "a", groups: &[], teams: &[], now_ms: i64::MAX,
            };
            let _ = Judgement::of(facts).judge(&expression);
        }
    }

    #[test]
    fn no_text_panics_the_compiler(text in "\\PC{0,60}") {
        let _ = Expression::compile(&text);
    }
}
