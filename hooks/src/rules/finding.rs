//! What those who break a rule are told.

use crate::{
    Finding, Rule, RulesSettings,
    cel::{CompileError, Culprit, Outcome},
    check::Document,
    document::{Content, Format},
    evaluator::{Breach, Loss},
    policy::RuleEntry,
};
use configbus_model::at_most;

/// Longest expression quoted, in characters.
const EXPRESSION_CHARS_MAX: usize = 200;

/// A text of `rules.yaml` that is no expression, at its place there.
pub(crate) fn not_an_expression(rule: &RuleEntry, error: &CompileError) -> Finding {
    let CompileError { message, line, column } = error;
    let message = format!("{message} (line {line}, column {column} of the expression)");
    rule.place.clone().with_message(message).found(&rule.expression).expected("a CEL expression")
}

/// A file findings are about.
pub(super) struct Told<'a> {
    pub(super) path: &'a str,
    pub(super) content: &'a [u8],
    pub(super) settings: &'a RulesSettings,
}

impl Told<'_> {
    /// A rule that does not hold, or gives no answer.
    pub(super) fn breach(&self, rule: &RuleEntry, breach: &Breach) -> Finding {
        let (kind, message, culprit) = match &breach.outcome {
            Outcome::Failed(reason, culprit) => {
                (Rule::RuleError, format!("{} (the rule gives no answer: {reason})", rule.message), Some(culprit))
            }
            Outcome::Broken(culprit) => (Rule::RuleBroken, rule.message.clone(), Some(culprit)),
            Outcome::Holds => (Rule::RuleBroken, rule.message.clone(), None),
        };
        let finding = self.placed(kind, message, breach.document, culprit);
        match culprit.and_then(|culprit| culprit.found.as_deref()) {
            Some(found) => finding.found(found).expected(expected(rule)),
            None => finding.expected(expected(rule)),
        }
    }

    /// A rule that had to be stopped.
    pub(super) fn lost(&self, rule: &RuleEntry, loss: Loss) -> Finding {
        let (time_ms, bytes) = (self.settings.time_limit_ms, self.settings.memory_bytes_max);
        let (why, limit) = match loss {
            Loss::Time => (
                format!("took longer than {time_ms} ms on this file"),
                Some((format!("{time_ms} ms"), at_most(time_ms, "ms", "gate.rules.time_limit_ms"))),
            ),
            Loss::Memory => (
                format!("needs more than {bytes} bytes of memory on this file"),
                Some((format!("{bytes} bytes"), at_most(bytes, "bytes", "gate.rules.memory_bytes_max"))),
            ),
            Loss::Crash => ("ended the process that evaluates it".to_owned(), None),
        };
        metrics::counter!("configbus_gate_rules_stopped_total", "reason" => loss.as_str()).increment(1);
        let message = format!("{} (the rule {why} and was stopped)", rule.message);
        let Some((over, expected_limit)) = limit else {
            return Finding::new(Rule::RuleLimit, self.path, message).expected(expected(rule));
        };
        let finding =
            Finding::new(Rule::RuleLimit, self.path, format!("{message}; make it cheaper, or split the file"));
        finding.found(format!("more than {over} for {}", expected(rule))).expected(expected_limit)
    }

    fn placed(&self, rule: Rule, message: String, document: usize, culprit: Option<&Culprit>) -> Finding {
        let file = Document::new(self.path, self.content);
        let pointer = culprit.map(|culprit| culprit.pointer.as_str()).unwrap_or_default();
        let content = Format::of(self.path).zip(std::str::from_utf8(self.content).ok());
        let content = content.and_then(|(format, text)| Content::read(format, text));
        match content.and_then(|content| content.place(document, pointer)) {
            Some(place) => file.finding_at(rule, place.value, message).pointing(pointer),
            None => file.finding(rule, message),
        }
    }
}

/// The expression, and where it is written.
fn expected(rule: &RuleEntry) -> String {
    let line: Vec<_> = rule.expression.split_whitespace().collect();
    let text = line.join(" ");
    let text = match text.char_indices().nth(EXPRESSION_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    format!("{} ({})", crate::finding::printable(&text), rule.place.location())
}
