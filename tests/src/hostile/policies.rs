//! Policies that cost more than they weigh.

use super::Hostile;
use crate::git::WorkingCopy;
use std::fmt::Write as _;

const SCHEMAS: &str = ".configbus/schemas.yaml";
const RULES: &str = ".configbus/rules.yaml";
const GOVERNED: &[u8] = b"- {files: /held/, schema: schema.json}\n";

/// Four loops in one another over a list, each step of which is cheap.
const NESTED: &str = "- {files: /held/, message: sums are positive, rule: 'self.l.all(a, self.l.all(b, self.l.all(c, \
                      self.l.all(d, a + b + c + d >= 0))))'}\n";

/// Grows a list to ten times itself, ten times over.
const GROWING: &str = "- {files: /held/, message: it stays small, rule: 'self.l.map(a, self.l.map(b, self.l.map(c, \
                       self.l.map(d, [a, b, c, d])))).size() > 0'}\n";

fn list(length: usize) -> String {
    format!("{{\"l\": [0{}]}}", ",1".repeat(length))
}

/// A schema that doubles with each definition: how, with `@` for the definition before, and what it begins with.
fn doubling(level: &str, leaf: &str) -> String {
    let mut text = format!("{{\"$ref\": \"#/$defs/d59\", \"$defs\": {{\"d0\": {leaf}");
    for at in 1..60 {
        let inner = format!("{{\"$ref\": \"#/$defs/d{}\"}}", at - 1);
        write!(text, ", \"d{at}\": {}", level.replace('@', &inner)).expect("strings take all writes");
    }
    text + "}}"
}

/// Ways to double, and leaves that look at nothing.
const LEVELS: [(&str, &str); 8] = [
    ("allOf", "{\"allOf\": [@, @]}"),
    ("anyOf", "{\"anyOf\": [@, @]}"),
    ("oneOf", "{\"oneOf\": [@, @]}"),
    ("not", "{\"not\": @, \"if\": @}"),
    ("if", "{\"if\": @, \"then\": @, \"else\": @}"),
    ("dependentSchemas", "{\"dependentSchemas\": {\"a\": @, \"b\": @}}"),
    ("unevaluatedProperties", "{\"anyOf\": [@], \"unevaluatedProperties\": false}"),
    ("unevaluatedItems", "{\"anyOf\": [@], \"unevaluatedItems\": false}"),
];
const LEAVES: [&str; 6] = ["{}", "true", "false", "{\"title\": \"x\"}", "{\"not\": {}}", "{\"type\": \"null\"}"];

/// A small schema whose parts are reached in ever more ways, on each of which dynamic references may mean others.
fn scopes() -> String {
    let id = |name: &str, at: usize| format!("\"https://example.com/{name}{at}\"");
    let mut text = format!("{{\"$ref\": {}, \"$defs\": {{\"last\": {{\"$id\": {}}}", id("a", 0), id("a", 30));
    for at in 0..30 {
        let (b, c, next) = (id("b", at), id("c", at), id("a", at + 1));
        let a = id("a", at);
        let inner = format!("{{\"x\": {{\"$ref\": {b}}}, \"y\": {{\"$ref\": {c}}}}}");
        write!(text, ", \"a{at}\": {{\"$id\": {a}, \"properties\": {inner}}}").expect("strings take all writes");
        for (name, id) in [("b", b), ("c", c)] {
            let inner = format!("{{\"z\": {{\"$ref\": {next}}}}}");
            write!(text, ", \"{name}{at}\": {{\"$id\": {id}, \"properties\": {inner}}}")
                .expect("strings take all writes");
        }
    }
    text + "}}"
}

/// References that lead to references, many thousand times.
fn chained() -> String {
    let mut text = "{\"$ref\": \"#/$defs/d0\", \"$defs\": {\"d9000\": false".to_owned();
    for at in 0..9_000 {
        let next = format!("{{\"$ref\": \"#/$defs/d{}\"}}", at + 1);
        write!(text, ", \"d{at}\": {{\"anyOf\": [{next}, false]}}").expect("strings take all writes");
    }
    text + "}}"
}

pub(super) fn make(copy: &WorkingCopy, parent: &str) -> Vec<Hostile> {
    let governed = |name: &str, schema: &str, document: &str, told: &[&'static str]| {
        let held = format!("held/{name}.json");
        let tree = copy.files(&[(SCHEMAS, GOVERNED), ("schema.json", schema.as_bytes()), (&held, document.as_bytes())]);
        Hostile::of(format!("schema: {name}"), copy.commit_tree(parent, &tree), told)
    };
    let ruled = |name: &str, rules: &str, document: &str, told: &[&'static str]| {
        let held = format!("held/{name}.json");
        let tree = copy.files(&[(RULES, rules.as_bytes()), (&held, document.as_bytes())]);
        Hostile::of(format!("rule: {name}"), copy.commit_tree(parent, &tree), told)
    };
    let backtracking = "{\"properties\": {\"x\": {\"pattern\": \"^(?=a)(a|a)*\\\\1b$\"}}}";
    let text = format!("{{\"x\": \"{}!\"}}", "a".repeat(200));
    let many =
        format!("{{\"items\": {{\"anyOf\": [{}{{}}]}}}}", "{\"required\": [\"x\"], \"type\": \"object\"},".repeat(200));
    let items = format!("[{}0]", "{},".repeat(200_000));
    let doubled = LEVELS.iter().flat_map(|(how, level)| LEAVES.iter().map(move |leaf| (how, level, leaf)));
    let doubled = doubled.map(|(how, level, leaf)| {
        let name = format!("{how} that doubles over {}", leaf.replace(['"', ':', '{', '}'], " "));
        governed(&name, &doubling(level, leaf), "{\"a\": 1, \"b\": 2}", &["schema/cost"])
    });
    let others = [
        governed("a pattern that backtracks", backtracking, &text, &["schema/pattern-cost"]),
        governed("a pattern too large", "{\"pattern\": \"((a{1,1000}){1,1000}){1,1000}\"}", "\"a\"", &["schema/"]),
        governed("itself and nothing else", "{\"$ref\": \"#\"}", "1", &[]),
        governed("itself, twice each time", "{\"anyOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}", "1", &[]),
        governed("parts reached in ever more ways", &scopes(), "{}", &["schema/size"]),
        governed("a chain of references", &chained(), "1", &["schema/"]),
        governed("many alternatives for many items", &many, &items, &["schema/"]),
        governed("a schema out there", "{\"$ref\": \"http://169.254.169.254/latest\"}", "1", &["schema/reference"]),
        governed("a schema of the machine", "{\"$ref\": \"file:///etc/passwd\"}", "1", &["schema/reference"]),
        ruled("four loops in one another", NESTED, &list(100_000), &["rule/limit"]),
        ruled("a list that grows", GROWING, &list(10_000), &["rule/limit"]),
    ];
    doubled.chain(others).collect()
}
