use super::*;

fn parsed(text: &str) -> (Teams, Vec<String>) {
    let mut findings = Findings::default();
    let teams = parse(&Document::new("teams.yaml", text.as_bytes()), 5_000, &mut findings);
    let (found, _) = findings.into_parts();
    (teams, found.iter().map(|finding| format!("{}: {}", finding.location(), finding.sentence())).collect())
}

fn check_teams_of(text: &str, principal: &str, groups: &[&str], expected: &[&str]) {
    let (teams, found) = parsed(text);
    assert_eq!(found, [] as [&str; 0], "{text}");
    let name = |name: &str| PrincipalName::parse(name).unwrap();
    let groups = groups.iter().map(|group| name(group)).collect();
    let principal = Principal { name: name(principal), groups, ..Principal::open() };
    let of: Vec<_> = teams.of(&principal).into_iter().map(PrincipalName::as_str).collect();
    assert_eq!(of, expected, "{text}");
}

const COMPANY: &str = r#"
payments: [ada, bob@example.com, "@platform"]
platform:
  - cy
  - "group:sre"
everybody: ["@payments", "@platform", dora]
ghosts: []
"#;

#[test]
fn membership_is_direct_by_group_or_through_other_teams() {
    check_teams_of(COMPANY, "ada", &[], &["everybody", "payments"]);
    check_teams_of(COMPANY, "bob@example.com", &[], &["everybody", "payments"]);
    check_teams_of(COMPANY, "cy", &[], &["everybody", "payments", "platform"]);
    check_teams_of(COMPANY, "eve", &["sre"], &["everybody", "payments", "platform"]);
    check_teams_of(COMPANY, "dora", &["other"], &["everybody"]);
    check_teams_of(COMPANY, "sre", &[], &[]);
    check_teams_of("", "ada", &[], &[]);
    check_teams_of("# nobody yet\n", "ada", &[], &[]);
}

#[test]
fn a_team_is_populated_by_principals_and_groups_only() {
    let (teams, _) = parsed("a: ['@b']\nb: []\nc: ['@d']\nd: [ada]\ne: ['group:g']\n");
    let populated = |team: &str| teams.is_populated(&PrincipalName::parse(team).unwrap());
    assert_eq!(["a", "b", "c", "d", "e"].map(populated), [false, false, true, true, true]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, expected) in [
        ("a: ada\n", "teams.yaml:1:4: value is of another kind: found \"ada\", expected a list"),
        ("- ada\n", "teams.yaml:1:1: value is of another kind: found a list, expected a mapping"),
        ("a: [1]\n", "teams.yaml:1:5: value is of another kind: found 1, expected text; put it in quotes"),
        (
            "payments: []\nb: ['@payment']\n",
            "teams.yaml:2:4: there is no team payment in .configbus/teams.yaml, the nearest is payments",
        ),
        ("a: ['@b']\nb: ['@c']\nc: [ada, '@b']\n", "teams.yaml:2:4: team b includes itself: b > c > b"),
        ("a: ['@a']\n", "teams.yaml:1:4: team a includes itself: a > a"),
    ] {
        assert_eq!(parsed(text).1, [expected], "{text}");
    }
    for text in ["a: [b c]\n", "'@a': [b]\n", "a: ['']\n", "a: [b]\na: [c]\n", "a: [b]\n---\nb: [c]\n", "a: [\n"] {
        assert_eq!(parsed(text).1.len(), 1, "{text}: {:?}", parsed(text).1);
    }
}

#[test]
fn a_long_chain_of_teams_ends_soon() {
    let chain: String = (0..4_000).map(|n| format!("t{n}: ['@t{}']\n", n + 1)).collect();
    check_teams_of(&format!("{chain}t4000: [dora]\n"), "ada", &[], &[]);
    let (_, found) = parsed(&format!("{chain}t4000: ['@t0']\n"));
    assert_eq!(found.len(), 1);
}
