//! What must hold for any owners and teams: who owns a path is what a second, slower reading of the same lines says.

use super::{OWNERS, Owners, TEAMS, Teams, owners, teams};
use crate::{
    PathGlob, Rule,
    check::{Document, Findings},
    fuzzing::{Usual, check_told, parts, usual_yaml},
};
use configbus_model::{ConfigPath, Principal, PrincipalName, Roles};
use regex::Regex;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// Deepest nesting that a policy file could have.
const DEPTH_MAX: usize = 16;

/// Paths that are asked about.
const PATHS_MAX: usize = 8;

/// Reads owners, teams and, a line each, the paths that are asked about.
pub fn owners(data: &[u8]) {
    let [text, teams_text, paths] = parts(data);
    let teams = parse_teams(teams_text).unwrap_or_default();
    let document = Document::new(OWNERS, text);
    let mut findings = Findings::default();
    let owners = owners::parse(&document, &teams, usize::MAX, &mut findings);
    let (findings, _) = findings.into_parts();
    check_told(text, &findings);
    let paths = String::from_utf8_lossy(paths);
    let paths = paths.lines().filter(|path| ConfigPath::parse(path).is_ok()).take(PATHS_MAX);
    if findings.is_empty() {
        let text = std::str::from_utf8(text).expect("what is accepted is text");
        paths.for_each(|path| check_owner(&owners, text, path));
    } else {
        // What is left of a file with mistakes is read all the same, for the sake of further findings.
        paths.for_each(|path| drop(owners.of(path).map(|entry| entry.owners_text())));
    }
}

fn check_owner(owners: &Owners, text: &str, path: &str) {
    let found = owners.of(path).map(|entry| (entry.line, entry.owners_text()));
    assert_eq!(found, owner_by_hand(text, path), "{path:?}\n{text}");
}

/// Reads the lines from the last to the first.
fn owner_by_hand(text: &str, path: &str) -> Option<(usize, String)> {
    let is_policy = path == ".configbus" || path.starts_with(".configbus/");
    for (at, line) in text.split('\n').enumerate().collect::<Vec<_>>().into_iter().rev() {
        let words = words_by_hand(line);
        let Some((pattern, owners)) = words.split_first() else { continue };
        let glob = PathGlob::parse(pattern).expect("a file without findings has no bad pattern");
        let is_match = pattern_by_hand(pattern).is_match(path);
        assert_eq!(glob.matches(path), is_match, "{pattern:?} on {path:?}");
        if is_match && (!is_policy || glob.leading_name() == Some(".configbus")) {
            return (!owners.is_empty()).then(|| (at + 1, owners.join(" or ")));
        }
    }
    None
}

fn words_by_hand(line: &str) -> Vec<String> {
    let (mut words, mut word, mut chars) = (Vec::new(), String::new(), line.chars());
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            '\\' => word.extend(std::iter::once(c).chain(chars.next())),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Regular expressions that are kept: inputs of a fuzzer differ little from each other.
const KEPT_MAX: usize = 1_000;

/// Returns a pattern as a regular expression over whole paths.
fn pattern_by_hand(pattern: &str) -> Regex {
    thread_local! {
        static KEPT: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.entry(pattern.to_owned()).or_insert_with(|| written_by_hand(pattern)).clone()
    })
}

fn written_by_hand(pattern: &str) -> Regex {
    let (body, below_only) = pattern.strip_suffix('/').map_or((pattern, false), |body| (body, true));
    let is_anchored = body.contains('/');
    let components: Vec<&str> = body.strip_prefix('/').unwrap_or(body).split('/').collect();
    let mut expression = String::from(if is_anchored { r"\A" } else { r"\A(?:[^/]+/)*" });
    for (at, component) in components.iter().enumerate() {
        let is_last = at + 1 == components.len();
        match *component {
            "**" if is_last => expression.push_str("[^/]+(?:/[^/]+)*"),
            "**" => expression.push_str("(?:[^/]+/)*"),
            text => {
                expression.push_str(&component_by_hand(text));
                expression.push_str(if is_last { "" } else { "/" });
            }
        }
    }
    let last = components.last().copied().unwrap_or_default();
    expression.push_str(match (below_only, last) {
        (true, _) => r"/[^/]+(?:/[^/]+)*\z",
        (false, "*") if is_anchored => r"\z",
        _ => r"(?:/[^/]+)*\z",
    });
    Regex::new(&expression).unwrap_or_else(|error| panic!("{pattern:?}: {error}"))
}

fn component_by_hand(text: &str) -> String {
    let (mut expression, mut chars) = (String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '\\' => expression.push_str(&escaped(chars.next().expect("a pattern does not end so"))),
            '[' => {
                expression.push('[');
                let is_negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
                expression.push_str(if is_negated { "^/" } else { "" });
                let mut is_first = true;
                while let Some(c) = chars.next_if(|c| *c != ']' || is_first) {
                    let c = if c == '\\' { chars.next().expect("a class does not end so") } else { c };
                    expression.push_str(&escaped(c));
                    let mut ahead = chars.clone();
                    if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
                        chars.next();
                        let high = chars.next().map(|c| if c == '\\' { chars.next().unwrap_or(c) } else { c });
                        expression.push('-');
                        expression.push_str(&escaped(high.expect("a range has an end")));
                    }
                    is_first = false;
                }
                chars.next();
                expression.push(']');
            }
            c => expression.push_str(&escaped(c)),
        }
    }
    expression
}

fn escaped(c: char) -> String {
    format!("\\u{{{:x}}}", u32::from(c))
}

/// Reads teams, and holds membership to what following every inclusion gives.
pub fn teams(data: &[u8]) {
    let Some(teams) = parse_teams(data) else { return };
    let by_hand = teams_by_hand(std::str::from_utf8(data).expect("what is accepted is text"));
    let Some(by_hand) = by_hand else { return };
    let known: BTreeSet<&str> = teams.names().collect();
    assert_eq!(known, by_hand.keys().map(String::as_str).collect());
    let people: BTreeSet<&str> =
        by_hand.values().flatten().map(String::as_str).filter(|m| !m.starts_with('@')).collect();
    for person in people.iter().take(PATHS_MAX).chain([&"nobody-else"]) {
        let principal = principal(person);
        let found: BTreeSet<&str> = teams.of(&principal).into_iter().map(PrincipalName::as_str).collect();
        let expected = by_hand.keys().filter(|team| reaches(&by_hand, team, &|member| member == *person));
        assert_eq!(found, expected.map(String::as_str).collect(), "{person:?}");
    }
    for team in by_hand.keys() {
        let name = PrincipalName::parse(team).expect("names are checked");
        let has_people = reaches(&by_hand, team, &|member| !member.starts_with('@'));
        assert_eq!(teams.is_populated(&name), has_people, "{team:?}");
    }
}

fn principal(member: &str) -> Principal {
    let group = member.strip_prefix("group:").and_then(|group| PrincipalName::parse(group).ok());
    let name = if group.is_some() { "somebody-in-a-group" } else { member };
    let name = PrincipalName::parse(name).expect("names are checked");
    Principal { groups: group.into_iter().collect(), ..Principal::new(name, Roles::default()) }
}

fn reaches(teams: &BTreeMap<String, Vec<String>>, team: &str, is_hit: &dyn Fn(&str) -> bool) -> bool {
    // Teams without findings have no circle.
    teams.get(team).into_iter().flatten().any(|member| match member.strip_prefix('@') {
        Some(included) => reaches(teams, included, is_hit),
        None => is_hit(member),
    })
}

/// Returns nothing of teams whose names are no text: what they are called only the file says.
fn teams_by_hand(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let documents = usual_yaml(text, DEPTH_MAX).expect("hosts read what is accepted");
    let Some(Usual::Map(teams)) = documents.into_iter().next() else { return Some(BTreeMap::new()) };
    let members = |members: Usual| match members {
        Usual::List(members) => members.into_iter().map(as_text).collect(),
        _ => Some(Vec::new()),
    };
    teams.into_iter().map(|(team, listed)| Some((as_text(team)?, members(listed)?))).collect()
}

fn as_text(value: Usual) -> Option<String> {
    if let Usual::Text(text) = value { Some(text) } else { None }
}

fn parse_teams(data: &[u8]) -> Option<Teams> {
    let document = Document::new(TEAMS, data);
    let mut findings = Findings::default();
    let teams = teams::parse(&document, usize::MAX, &mut findings);
    let (findings, _) = findings.into_parts();
    check_told(data, &findings);
    let is_about_policy = |rule: Rule| rule != Rule::CheckFailed;
    assert!(findings.iter().all(|finding| is_about_policy(finding.rule)), "{findings:?}");
    findings.is_empty().then_some(teams)
}
