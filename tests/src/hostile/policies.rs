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

/// A schema that doubles with each definition.
fn doubling() -> String {
    let mut text = "{\"$ref\": \"#/$defs/d59\", \"$defs\": {\"d0\": {\"type\": \"null\"}".to_owned();
    for level in 1..60 {
        let inner = format!("{{\"$ref\": \"#/$defs/d{}\"}}", level - 1);
        write!(text, ", \"d{level}\": {{\"anyOf\": [{inner}, {inner}]}}").expect("strings take all writes");
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
    vec![
        governed("a pattern that backtracks", backtracking, &text, &["schema/pattern-cost"]),
        governed("a pattern too large", "{\"pattern\": \"((a{1,1000}){1,1000}){1,1000}\"}", "\"a\"", &["schema/"]),
        governed("itself and nothing else", "{\"$ref\": \"#\"}", "1", &[]),
        governed("itself, twice each time", "{\"anyOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}", "1", &[]),
        governed("definitions that double", &doubling(), "1", &["schema/cost"]),
        governed("many alternatives for many items", &many, &items, &["schema/"]),
        governed("a schema out there", "{\"$ref\": \"http://169.254.169.254/latest\"}", "1", &["schema/reference"]),
        governed("a schema of the machine", "{\"$ref\": \"file:///etc/passwd\"}", "1", &["schema/reference"]),
        ruled("four loops in one another", NESTED, &list(100_000), &["rule/limit"]),
        ruled("a list that grows", GROWING, &list(10_000), &["rule/limit"]),
    ]
}
