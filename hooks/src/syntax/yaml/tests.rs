use super::*;
use crate::inspection::STACK_BYTES;
use proptest::prelude::*;
use std::fmt::Write as _;

fn check_found(text: &[u8]) -> Vec<crate::Finding> {
    let check = || {
        let mut findings = Findings::default();
        Yaml { bounds: DocumentBounds::with_depth(128) }.check(&Document::new("a.yaml", text), &mut findings);
        findings.into_parts().0
    };
    // Without optimisation the usual parser needs more than a test's stack for 128 levels.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, check);
        thread.unwrap().join().unwrap()
    })
}

fn check_places(text: &str, expected: &[(Rule, usize, usize)]) {
    let found = check_found(text.as_bytes());
    let places: Vec<_> = found.iter().map(|f| (f.rule, f.line.unwrap_or(0), f.column.unwrap_or(0))).collect();
    assert_eq!(places, expected, "{text}\n{found:?}");
}

#[test]
fn yaml_is_accepted() {
    for text in [
        "",
        "# only a comment\n",
        "a: 1\nb: [x, 'y', \"z\"]\nc: {d: null, e: ~}\n",
        "--- 1\n--- {a: 1}\n---\n- x\n...\n",
        "base: &b {x: 1}\nother:\n  <<: *b\n  x: 2\nmany: {<<: [*b, *b]}\n",
        "a: !Ref thing\nb: !reference [x, y]\nc: !!python/name:os.system ''\nd: !Sub {k: v}\n",
        "a: yes\nb: 0644\nc: 12:30\nd: '1_000'\ne: inf\nf: nan\n1_000: .1\ng: 0o17\nh: 0xff\ni: 18446744073709551615\n",
        "a: '18446744073709551616'\nb: \"1e999\"\n18446744073709551616: as a key\n",
        "? [complex, key]\n: value\n",
        "%YAML 1.2\n---\na: |\n  text\nb: >-\n  folded\n",
        "on: push\n\"ü\": 日本\n",
        "a: !!binary aGVsbG8=\nb: !!str 5\nc: !!int 7\nd: !!set {x, y}\ne: 2024-01-02\n",
    ] {
        check_places(text, &[]);
    }
}

#[test]
fn syntax_errors_have_their_place() {
    check_places("a: 1\nb: [1, 2\nc: 3\n", &[(Rule::YamlSyntax, 3, 2)]);
    check_places("a: 'x", &[(Rule::YamlSyntax, 1, 4)]);
    check_places("ok: 1\n---\na:\n\tb: 1\n", &[(Rule::YamlSyntax, 4, 2)]);
    check_places("a: *nowhere\n", &[(Rule::YamlSyntax, 1, 4)]);
    check_places("a: b: c\n", &[(Rule::YamlSyntax, 1, 5)]);
    check_places("a: !!binary '???'\n", &[(Rule::YamlSyntax, 1, 13)]);
    check_places("a: !!int x\n", &[(Rule::YamlSyntax, 1, 10)]);
}

#[test]
fn every_second_key_is_told() {
    let text = "a: 1\nb:\n  - {x: 1, \"x\": 2}\na: 2\n---\na: 3\n";
    check_places(text, &[(Rule::YamlDuplicateKey, 3, 12), (Rule::YamlDuplicateKey, 4, 1)]);
    let found = check_found(text.as_bytes());
    assert_eq!(found[0].pointer.as_deref(), Some("/b/0/x"));
    assert!(found[1].message.contains("first at line 1, column 1"), "{}", found[1].message);
    check_places("a: &k x\n*k : 1\nx: 2\n", &[(Rule::YamlDuplicateKey, 3, 1)]);
    check_places("? {a: 1}\n: 1\n? {a: 1}\n: 2\n", &[(Rule::YamlDuplicateKey, 3, 3)]);
    check_places("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", &[(Rule::YamlDuplicateKey, 2, 13)]);
}

#[test]
fn every_large_number_is_told() {
    let text = "a: 18446744073709551616\nb: [1, -9223372036854775809]\nc: 1e999\n";
    let expected = [(Rule::YamlNumber, 1, 4), (Rule::YamlNumber, 2, 8), (Rule::YamlNumber, 3, 4)];
    check_places(text, &expected);
    assert_eq!(check_found(text.as_bytes())[1].pointer.as_deref(), Some("/b/1"));
}

#[test]
fn what_json_and_other_readers_lack_is_told() {
    let text = "a: .nan\nb: [-.INF, 1e3]\n---\n.inf\n--- !!float '.nan'\n";
    let expected =
        [(Rule::YamlNumber, 1, 4), (Rule::YamlNumber, 2, 5), (Rule::YamlNumber, 4, 1), (Rule::YamlNumber, 5, 13)];
    check_places(text, &expected);
    let text = "a: 1_000\nb: [tRuE, !x 0b1, !!int -0xF, !!bool fALSE]\n? &k 0X1\n: *k\n";
    let expected = [(1, 4), (2, 5), (2, 14), (2, 25), (2, 38), (3, 6)];
    check_places(text, &expected.map(|(line, column)| (Rule::YamlAmbiguous, line, column)));
    assert_eq!(check_found(text.as_bytes())[2].pointer.as_deref(), Some("/b/1"));
    check_places("a: '.nan'\nb: !!str .inf\nc: ! 1_000\nd: !!binary MQ==\n.nan: 1\n", &[]);
}

#[test]
fn depth_is_bounded() {
    let flow = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let block = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            let _ = writeln!(text, "{}a:", " ".repeat(level));
        }
        text
    };
    check_places(&flow(128), &[]);
    check_places(&flow(129), &[(Rule::YamlDepth, 1, 129)]);
    check_places(&block(128), &[]);
    assert_eq!(check_found(block(129).as_bytes())[0].rule, Rule::YamlDepth);
    assert_eq!(check_found("[".repeat(100_000).as_bytes())[0].rule, Rule::YamlDepth);
    assert_eq!(check_found("- ".repeat(100_000).as_bytes())[0].rule, Rule::YamlDepth);
    assert_eq!(check_found("{a: ".repeat(100_000).as_bytes())[0].rule, Rule::YamlDepth);
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{aliases}]");
    }
    let found = check_found(bomb.as_bytes());
    assert_eq!((found.len(), found[0].rule, found[0].line), (1, Rule::YamlAliases, Some(6)), "{found:?}");
    let large = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1_000));
    assert_eq!(check_found(large.as_bytes())[0].rule, Rule::YamlAliases);
    check_places("a: &a [*a]\n", &[(Rule::YamlAliases, 1, 8)]);
}

#[test]
fn documents_are_counted() {
    check_places(&"--- a\n".repeat(10_000), &[]);
    check_places(&"--- a\n".repeat(10_001), &[(Rule::YamlSize, 10_001, 1)]);
}

#[test]
fn many_honest_aliases_pass() {
    let text = format!("base: &b {{x: 1, y: 2}}\nall:\n{}", "- {<<: *b, z: 3}\n".repeat(10_000));
    check_places(&text, &[]);
}

fn nearly_yaml() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("a"),
        Just("b"),
        Just(": "),
        Just(":"),
        Just("- "),
        Just("-"),
        Just("? "),
        Just("\n"),
        Just("\n  "),
        Just("\n    "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("&x "),
        Just("*x"),
        Just("<<: "),
        Just("!t "),
        Just("!!int "),
        Just("!!str "),
        Just("'q'"),
        Just("\"d\""),
        Just("'"),
        Just("\""),
        Just("|\n"),
        Just(">-\n"),
        Just("# c"),
        Just("---\n"),
        Just("...\n"),
        Just("1"),
        Just("0x1f"),
        Just("~"),
        Just("\t"),
        Just("ü"),
        Just("%YAML 1.2\n"),
        Just("18446744073709551616"),
        Just("="),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_found(&bytes);
    }

    #[test]
    fn what_is_accepted_the_usual_parser_accepts(text in nearly_yaml()) {
        let found = check_found(text.as_bytes());
        let usual = serde_saphyr::from_str_multiple::<Drain, Vec<Drain>>(&text);
        if found.is_empty() {
            prop_assert!(usual.is_ok(), "{text:?} {usual:?}");
        } else if usual.is_ok() {
            let stricter = [Rule::YamlDuplicateKey, Rule::YamlNumber, Rule::YamlAliases];
            prop_assert!(found.iter().all(|finding| stricter.contains(&finding.rule)), "{text:?} {found:?}");
        }
    }
}
