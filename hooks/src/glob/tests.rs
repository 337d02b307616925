use super::*;

fn check_matches(pattern: &str, yes: &[&str], no: &[&str]) {
    let glob = PathGlob::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    for path in yes {
        assert!(glob.matches(path), "{pattern} should match {path}");
    }
    for path in no {
        assert!(!glob.matches(path), "{pattern} should not match {path}");
    }
}

#[test]
fn a_pattern_without_a_slash_matches_at_any_depth() {
    check_matches("*", &["a", "a/b", ".hidden/x"], &[]);
    check_matches("*.js", &["a.js", "x/y/b.js", ".js"], &["a.jsx", "a.js.map"]);
    check_matches("logs", &["logs", "logs/a", "x/logs", "x/logs/a/b"], &["logs2", "alogs", "x/logs.txt"]);
}

#[test]
fn a_slash_before_the_end_anchors_at_the_root() {
    check_matches("/a.txt", &["a.txt"], &["x/a.txt"]);
    check_matches("a/b", &["a/b", "a/b/c"], &["x/a/b", "a", "a/bc"]);
    check_matches("/a", &["a", "a/b"], &["b/a"]);
}

#[test]
fn a_trailing_slash_means_directories() {
    check_matches("apps/", &["apps/x", "a/apps/x/y"], &["apps", "a/apps"]);
    check_matches("/build/logs/", &["build/logs/x", "build/logs/x/y"], &["build/logs", "x/build/logs/y"]);
}

#[test]
fn a_trailing_star_means_the_files_of_one_directory() {
    check_matches("docs/*", &["docs/a.md"], &["docs/b/a.md", "x/docs/a.md", "docs"]);
    check_matches("/*", &["a"], &["a/b"]);
    check_matches("docs/**/*", &["docs/a", "docs/b/a"], &["docs"]);
    check_matches("docs/*.md", &["docs/a.md"], &["docs/b/a.md"]);
}

#[test]
fn two_stars_span_directories() {
    check_matches("**/logs", &["logs", "logs/a", "build/logs/a", "deeply/nested/logs/a"], &["log"]);
    check_matches("a/**", &["a/b", "a/b/c"], &["a", "b/a/c"]);
    check_matches("a/**/b", &["a/b", "a/x/b", "a/x/y/b/c"], &["b", "a/x/c"]);
    check_matches("**", &["a", "a/b"], &[]);
    check_matches("a/**/", &["a/b/c", "a/b/c/d"], &["a", "a/b"]);
    check_matches("/**/x/**/y", &["x/y", "a/x/b/y", "x/x/y"], &["y/x"]);
    check_matches("a**b", &["ab", "axxb", "q/ab"], &["a/b"]);
}

#[test]
fn wildcards_stay_within_a_component() {
    check_matches("a/*/c", &["a/b/c", "a/b/c/d"], &["a/c", "a/b/b/c"]);
    check_matches("/a?c", &["abc", "aüc"], &["ac", "a/c", "abbc"]);
    check_matches("/*a*b*.c", &["ab.c", "xaxxbx.c"], &["ba.c", "ab.cc", "x/ab.c"]);
}

#[test]
fn brackets_are_ranges_and_never_match_a_slash() {
    check_matches("/v[0-9]", &["v1", "v1/x"], &["va", "v10"]);
    check_matches("/a[!b-d]e", &["aae"], &["abe", "ade", "a/e", "ae"]);
    check_matches("/a[^b]", &["ac"], &["ab"]);
    check_matches("/[]a-]x", &["]x", "ax", "-x"], &["bx"]);
    check_matches("/[\\]\\-z]", &["]", "-", "z"], &["a", "\\"]);
    check_matches("/[a\\-z]", &["a", "-", "z"], &["b"]);
}

#[test]
fn a_backslash_takes_away_the_meaning() {
    check_matches("/\\*", &["*"], &["a"]);
    check_matches("\\!important", &["!important", "x/!important"], &["important"]);
    check_matches("with\\ space", &["with space"], &["with\\ space"]);
    check_matches("\\#file", &["#file"], &[]);
    check_matches("/{a,b}", &["{a,b}"], &["a", "b"]);
}

#[test]
fn matching_is_about_case() {
    check_matches("/A", &["A"], &["a"]);
}

#[test]
fn what_can_mean_nothing_is_refused_with_a_reason() {
    let long = "a".repeat(1_025);
    let cases = [
        ("", GlobError::Empty),
        ("/", GlobError::Empty),
        ("!a", GlobError::Negated),
        ("a//b", GlobError::Component { component: String::new() }),
        ("a/../b", GlobError::Component { component: "..".into() }),
        ("./a", GlobError::Component { component: ".".into() }),
        ("[a", GlobError::OpenClass),
        ("[]", GlobError::OpenClass),
        ("[z-a]", GlobError::EmptyRange { range: "z-a".into() }),
        ("[[:alpha:]]", GlobError::NamedClass),
        ("a\\", GlobError::Dangling),
        ("a\u{7}", GlobError::ControlCharacter),
        (&long, GlobError::TooLong { bytes: 1_025 }),
    ];
    for (pattern, expected) in cases {
        assert_eq!(PathGlob::parse(pattern), Err(expected), "{pattern}");
    }
    assert!(matches!(PathGlob::parse(&"?".repeat(33)), Err(GlobError::TooManyWildcards { .. })));
}

#[test]
fn a_pattern_made_to_backtrack_gives_up_soon() {
    let glob = PathGlob::parse(&format!("{}b", "*a".repeat(30))).unwrap();
    assert!(!glob.matches(&"a".repeat(255)));
    let glob = PathGlob::parse(&format!("{}x", "**/a/".repeat(15))).unwrap();
    assert!(!glob.matches(&["a"; 500].join("/")));
}

#[test]
fn the_leading_plain_name_is_known() {
    for (pattern, name) in [
        ("/.configbus/", Some(".configbus")),
        (".configbus/owners", Some(".configbus")),
        ("\\.configbus/x", Some(".configbus")),
        (".configbus", Some(".configbus")),
        ("**/.configbus/owners", Some(".configbus")),
        ("*", None),
        ("**", None),
        ("/.c*/owners", None),
        ("**/owners", Some("owners")),
    ] {
        assert_eq!(PathGlob::parse(pattern).unwrap().leading_name(), name, "{pattern}");
    }
}
