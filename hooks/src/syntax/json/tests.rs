use super::*;
use proptest::prelude::*;

fn check_found(text: &[u8]) -> Vec<crate::Finding> {
    let mut findings = Findings::default();
    Json { bounds: DocumentBounds::with_depth(128) }.check(&Document::new("a.json", text), &mut findings);
    findings.into_parts().0
}

fn check_place(text: &str, rule: Rule, line: usize, column: usize) {
    let found = check_found(text.as_bytes());
    let places: Vec<_> = found.iter().map(|f| (f.rule, f.line.unwrap(), f.column.unwrap())).collect();
    assert_eq!(places, [(rule, line, column)], "{text}\n{found:?}");
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn json_is_accepted() {
    let large = format!("[{}, {}, -0, 0.5e-7, 1E+9]", u64::MAX, i64::MIN);
    let texts = [
        r#"{"a": {"b": [1, "x", true, false, null, {}, []]}, "A": "\u00fc\ud83d\ude00\n\/"}"#,
        " \t\r\n3 ",
        "\"\u{7f}\"",
        &large,
        &nested(127),
    ];
    for text in texts {
        assert_eq!(check_found(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn syntax_errors_have_their_place() {
    for (text, line, column) in [
        ("", 1, 1),
        (" \n", 1, 1),
        ("{\"a\": 1\n", 1, 8),
        ("{\"ü\": 1,}", 1, 9),
        ("[1,\n 2,\n]", 3, 1),
        ("[1 2]", 1, 4),
        ("{\"a\" 1}", 1, 6),
        ("{a: 1}", 1, 2),
        ("{'a': 1}", 1, 2),
        ("{\"a\": NaN}", 1, 7),
        ("[nul]", 1, 2),
        ("[01]", 1, 2),
        ("[+1]", 1, 2),
        ("[1.]", 1, 4),
        ("[.5]", 1, 2),
        ("[1e]", 1, 4),
        ("[-]", 1, 3),
        ("\"a\nb\"", 1, 3),
        ("\"a", 1, 1),
        ("[\"\\x\"]", 1, 3),
        ("\"\\ud800\"", 1, 2),
        ("\"\\ud800\\u0041\"", 1, 2),
        ("\"\\udc00\\udc00\"", 1, 2),
        ("\"\\u00g0\"", 1, 2),
        ("{} {}", 1, 4),
        ("// note\n{}", 1, 1),
        ("{\n  # note\n}", 2, 3),
        ("\u{a0}1", 1, 1),
    ] {
        check_place(text, Rule::JsonSyntax, line, column);
    }
}

#[test]
fn every_second_key_and_every_large_number_is_told() {
    let text = "{\n \"a\": 1,\n \"b\": {\"x/y\": [0, {\"k\": 1, \"\\u006b\": 2}]},\n \"a\": 18446744073709551616,\n \"c\": 1e999\n}";
    let found = check_found(text.as_bytes());
    let told: Vec<_> =
        found.iter().map(|f| (f.rule, f.line.unwrap(), f.column.unwrap(), f.pointer.as_deref().unwrap())).collect();
    let expected = [
        (Rule::JsonDuplicateKey, 3, 28, "/b/x~1y/1/k"),
        (Rule::JsonDuplicateKey, 4, 2, "/a"),
        (Rule::JsonNumber, 4, 7, "/a"),
        (Rule::JsonNumber, 5, 7, "/c"),
    ];
    assert_eq!(told, expected);
    assert!(found[1].message.contains("first at line 2, column 2"), "{}", found[1].message);
}

#[test]
fn depth_is_bounded() {
    // One level more, and the usual parser would not read it.
    assert!(serde_json::from_str::<serde_json::Value>(&nested(127)).is_ok());
    assert!(serde_json::from_str::<serde_json::Value>(&nested(128)).is_err());
    check_place(&nested(128), Rule::JsonDepth, 1, 128);
    check_place(&"{\"a\":".repeat(100_000), Rule::JsonDepth, 1, 636);
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    assert_eq!(check_found(b"\xff")[0].rule, Rule::Utf8);
    assert_eq!(check_found("\u{feff}1".as_bytes())[0].rule, Rule::ByteOrderMark);
}

/// Text that is JSON or nearly so.
fn nearly_json() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"b\""),
        Just("\"\\u"),
        Just("d800"),
        Just("\\"),
        Just("\""),
        Just("1"),
        Just("0"),
        Just("-"),
        Just("."),
        Just("e9"),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("ü"),
        Just("18446744073709551616"),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// JSON made from values.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_found(&bytes);
    }

    #[test]
    fn what_is_accepted_the_usual_parser_accepts(text in nearly_json()) {
        let usual = serde_json::from_str::<serde_json::Value>(&text);
        let found = check_found(text.as_bytes());
        if found.is_empty() {
            prop_assert!(usual.is_ok(), "{text} {usual:?}");
        } else if usual.is_ok() {
            let stricter = [Rule::JsonDuplicateKey, Rule::JsonNumber];
            prop_assert!(found.iter().all(|finding| stricter.contains(&finding.rule)), "{text} {found:?}");
        }
    }

    #[test]
    fn what_is_json_is_accepted(value in json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(check_found(text.as_bytes()), []);
    }
}
