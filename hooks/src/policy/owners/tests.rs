use super::*;
use crate::policy::teams;

const TEAMS: &str = "octo-org/octocats: [ann]\npayments: [ada]\nghosts: []\n";

fn parsed(text: &str) -> (Owners, Vec<String>) {
    let mut findings = Findings::default();
    let teams = teams::parse(&Document::new("teams.yaml", TEAMS.as_bytes()), 100, &mut findings);
    let owners = parse(&Document::new("owners", text.as_bytes()), &teams, 5_000, &mut findings);
    let (found, _) = findings.into_parts();
    (owners, found.iter().map(|finding| format!("{}: {}", finding.location(), finding.sentence())).collect())
}

fn check_owners(text: &str, expected: &[(&str, &str)]) {
    let (owners, found) = parsed(text);
    assert_eq!(found, [] as [&str; 0], "{text}");
    for (path, expected) in expected {
        let of = owners.of(path).map(OwnedBy::owners_text).unwrap_or_default();
        assert_eq!(of, *expected, "{path} by\n{text}");
    }
}

/// The examples of the format's documentation, one line of it each, with what it says they mean.
#[test]
fn documented_examples_mean_what_they_say() {
    check_owners(
        "* global-owner1 global-owner2",
        &[("a", "global-owner1 or global-owner2"), ("x/y/z", "global-owner1 or global-owner2")],
    );
    let comment = "* global\n*.js js-owner #This is an inline comment.\n";
    check_owners(comment, &[("a.js", "js-owner"), ("deep/b.js", "js-owner"), ("a.ts", "global")]);
    check_owners("*.go docs@example.com", &[("cmd/main.go", "docs@example.com"), ("main.rs", "")]);
    check_owners("*.txt @octo-org/octocats", &[("a/b.txt", "@octo-org/octocats")]);
    check_owners(
        "/build/logs/ doctocat",
        &[("build/logs/a", "doctocat"), ("build/logs/b/c", "doctocat"), ("x/build/logs/a", "")],
    );
    let direct = [("docs/getting-started.md", "docs@example.com"), ("docs/build-app/troubleshooting.md", "")];
    check_owners("docs/* docs@example.com", &direct);
    check_owners("apps/ octocat", &[("apps/a", "octocat"), ("x/apps/y/z", "octocat"), ("apps", "")]);
    check_owners("/docs/ doctocat", &[("docs/a", "doctocat"), ("docs/b/c", "doctocat"), ("x/docs/a", "")]);
    check_owners("/scripts/ doctocat octocat", &[("scripts/a", "doctocat or octocat")]);
    let logs =
        [("build/logs/a", "octocat"), ("scripts/logs/a", "octocat"), ("deeply/nested/logs/a", "octocat"), ("log", "")];
    check_owners("**/logs octocat", &logs);
    let except = [("apps/a", "octocat"), ("apps/github/a", ""), ("apps/github", ""), ("apps/githubx", "octocat")];
    check_owners("/apps/ octocat\n/apps/github\n", &except);
    check_owners("/apps/ octocat\n/apps/github doctocat\n", &[("apps/github/a", "doctocat"), ("apps/b", "octocat")]);
}

#[test]
fn the_last_line_that_matches_counts() {
    let text = "* all\n/a/ first\n/a/ second # and not the first\n/a/free\n";
    check_owners(text, &[("a/x", "second"), ("a/free", ""), ("a/free/y", ""), ("b", "all")]);
}

#[test]
fn escapes_spaces_and_comments() {
    let text = "# comment\n   # indented\n\n\\#file one\npath\\ with\\ spaces/ two\n  indented\tthree\t\n/a#b four\r\n/c [email]\n";
    let expected = [
        ("#file", "one"),
        ("path with spaces/x", "two"),
        ("x/indented", "three"),
        ("a#b", "four"),
        ("c", "[email]"),
        ("path", ""),
    ];
    check_owners(text, &expected);
}

#[test]
fn only_lines_about_the_policy_give_it_away() {
    let policy = ".configbus/owners";
    check_owners("* all\n** all\n**/owners all\n/.c*/ all\n", &[(policy, ""), ("x", "all")]);
    check_owners("/.configbus/ pol\n* all\n", &[(policy, "pol"), (".configbus/teams.yaml", "pol"), ("x", "all")]);
    check_owners(".configbus pol", &[(policy, "pol"), (".configbus", "pol")]);
    check_owners(".configbus/ pol\n.configbus/teams.yaml\n", &[(policy, "pol"), (".configbus/teams.yaml", "")]);
    check_owners(".configbus/rules.yaml ada", &[(policy, ""), (".configbus/rules.yaml", "ada")]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, expected) in [
        (
            "a b\n!c d\n",
            "owners:2:1: patterns cannot be negated: write the exception on a line of its own after the pattern it is an exception to, or `\\!` for a name that starts so: !c",
        ),
        (
            "a b @payment\n",
            "owners:1:5: there is no team payment in .configbus/teams.yaml, the nearest is payments: @payment",
        ),
        (
            "a @zzz\n",
            "owners:1:3: there is no team zzz in .configbus/teams.yaml; add it there, or write a single principal without '@': @zzz",
        ),
        (
            "a b\nx  @ghosts # nobody\n",
            "owners:2:1: nobody is in any of these teams, so that nobody but an admin could change what matches: x  @ghosts # nobody",
        ),
        (
            "a @\n",
            "owners:1:3: \"\" is not a name, expected 1 to 255 bytes without spaces, commas, '#', '\\' or control characters, not starting with '@': @",
        ),
    ] {
        assert_eq!(parsed(text).1, [expected], "{text}");
    }
    assert_eq!(parsed("a @ghosts ada\n").1, [] as [&str; 0], "one owner suffices");
    assert!(parsed(&"a b\n".repeat(5_001)).1[0].contains("more than 5000 patterns"));
    assert_eq!(parsed("a \u{0}b").1.len(), 1);
}

#[test]
fn no_text_makes_the_parser_stumble() {
    for text in ["\\", "a\\", " ", "\n\n\n", "#", "\t#", "[", "a b\\", "ü é", "\u{feff}a b", "a\u{2028}b c"] {
        let (owners, _) = parsed(text);
        owners.of("a");
    }
}
