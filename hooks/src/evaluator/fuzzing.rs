//! What must hold for any rules: whatever an expression says, the child answers, twice the same, and blames a value that is
//! there.
//!
//! What an expression costs has no bound but the child's, and there is no child here. So only expressions are evaluated in
//! which little can multiply.

use super::child::{Compiled, Sides};
use crate::{
    Finding,
    cel::{CompileError, Culprit, Expression, Outcome},
    check::{Check as _, Document, Findings},
    evaluator::{Breach, Occasion, RuleText},
    fuzzing::{DEPTH_MAX, check_told, parts},
    policy::{self, RULES},
    rules, syntax,
};
use serde_json::Value;

/// Largest document that rules are evaluated over, in bytes.
const DOCUMENT_BYTES_MAX: usize = 2_048;

/// Longest expression that is evaluated, in bytes.
const EXPRESSION_BYTES_MAX: usize = 400;

/// Rules of one file that are evaluated.
const RULES_MAX: usize = 4;

/// Words that go through a list, or make something larger than what they are given.
const MULTIPLYING: [&str; 14] = [
    "all(",
    "exists(",
    "exists_one(",
    "existsOne(",
    "map(",
    "filter(",
    "sortBy(",
    "transform",
    "range(",
    "replace(",
    "join(",
    "flatten(",
    "split(",
    "format(",
];

/// How many of these words an expression may have.
const MULTIPLYING_MAX: usize = 2;

/// Reads a file of rules, or failing that one expression, and a document before and after.
pub fn rules(data: &[u8]) {
    let [text, new, old] = parts(data);
    let mut findings = Findings::default();
    let entries = policy::parse_rules(&Document::new(RULES, text), usize::MAX, &mut findings);
    let (findings, _) = findings.into_parts();
    check_told(text, &findings);
    let mut expressions = Vec::new();
    for entry in entries.iter().take(RULES_MAX) {
        let told = |error: &CompileError| vec![rules::not_an_expression(entry, error)];
        check_compiled(&entry.expression, told, text);
        expressions.push(entry.expression.clone());
    }
    if expressions.is_empty() {
        let expression = String::from_utf8_lossy(text).into_owned();
        check_compiled(&expression, |_| Vec::new(), text);
        expressions.push(expression);
    }
    expressions.retain(|expression| is_cheap(expression));
    if [new, old].iter().all(|document| is_document(document)) {
        judge(&expressions, new, old);
    }
}

/// What the library says of an expression may hold anything of it; what is told of a rule may not.
fn check_compiled(expression: &str, told: impl FnOnce(&CompileError) -> Vec<Finding>, text: &[u8]) {
    let Err(error) = Expression::compile(expression).map(drop) else { return };
    let lines = expression.split('\n').count();
    assert!(!error.message.is_empty() && (1..=lines + 1).contains(&error.line) && error.column >= 1, "{error:?}");
    check_told(text, &told(&error));
}

fn is_cheap(expression: &str) -> bool {
    let multiplying: usize = MULTIPLYING.iter().map(|word| expression.matches(word).count()).sum();
    let has_large_number = expression
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|digits| digits.len() > 3 && digits.starts_with(|c: char| c.is_ascii_digit()));
    let may_be_large = expression.contains("range(") && has_large_number;
    expression.len() <= EXPRESSION_BYTES_MAX && multiplying <= MULTIPLYING_MAX && !may_be_large
}

fn is_document(content: &[u8]) -> bool {
    let mut findings = Findings::default();
    syntax::Yaml { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }
        .check(&Document::new("a.yaml", content), &mut findings);
    content.len() <= DOCUMENT_BYTES_MAX && findings.is_empty()
}

fn judge(expressions: &[String], new: &[u8], old: &[u8]) {
    let text = |expression: &String| RuleText { expression: expression.clone(), on_delete: true };
    let rules: Vec<RuleText> = expressions.iter().map(text).collect();
    let occasion =
        Occasion { author: "ada".into(), groups: vec!["ops".into()], teams: vec![], now_ms: 1_700_000_000_000 };
    let sides = Sides::read("a.yaml", Some(new), Some(old));
    let breaches = || sides.judge(&rules, "a.yaml", &occasion, &mut Compiled::default());
    let told = breaches();
    assert_eq!(told, breaches(), "the same question has two answers");
    for Breach { rule, document, outcome } in &told {
        assert!(*rule < rules.len(), "{outcome:?}");
        match outcome {
            Outcome::Holds => panic!("what holds is no breach"),
            Outcome::Broken(culprit) => check_culprit(&sides, *document, culprit),
            Outcome::Failed(reason, culprit) => {
                assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
                check_culprit(&sides, *document, culprit);
            }
        }
    }
}

/// A document that goes away is null.
fn check_culprit(sides: &Sides, document: usize, culprit: &Culprit) {
    let value = sides.new.get(document).unwrap_or(&Value::Null);
    assert!(value.pointer(&culprit.pointer).is_some(), "nothing is at {culprit:?}");
}
