//! Policy files in YAML, read so that every mistake has a place and a pointer.

use crate::{
    Finding, Rule,
    check::{Check as _, Document, Findings},
    document::{Content, Format},
    policy::nearest,
    syntax,
};
use configbus_model::at_most;
use serde_json::Value;

/// Deepest nesting of a policy file; none needs more than a few.
const DEPTH_MAX: usize = 16;

/// A policy file whose syntax is right.
pub(super) struct PolicyFile<'a> {
    document: &'a Document<'a>,
    content: Content<'a>,
}

/// A value in it.
#[derive(Clone)]
pub(super) struct Node<'a> {
    file: &'a PolicyFile<'a>,
    pointer: String,
    value: &'a Value,
}

impl<'a> PolicyFile<'a> {
    /// Reads a file, or adds why it cannot be read.
    pub(super) fn read(document: &'a Document<'a>, findings: &mut Findings) -> Option<Self> {
        let mut found = Findings::default();
        syntax::Yaml { bounds: syntax::DocumentBounds::with_depth(DEPTH_MAX) }.check(document, &mut found);
        let text = document.utf8(&mut found).filter(|_| found.is_empty());
        let content = text.and_then(|text| Content::read(Format::Yaml, text));
        let (found, _) = found.into_parts();
        found.into_iter().for_each(|finding| findings.add(finding));
        let content = content?;
        if content.values().len() > 1 {
            let message = "policy file holds several documents, only one would be read";
            findings.add(document.finding(Rule::PolicyInvalid, message));
            return None;
        }
        Some(Self { document, content })
    }

    /// Returns the whole; `None` when the file is empty or holds comments only.
    pub(super) fn root(&'a self) -> Option<Node<'a>> {
        let value = self.content.values().first().filter(|value| !value.is_null())?;
        Some(Node { file: self, pointer: String::new(), value })
    }
}

impl<'a> Node<'a> {
    /// Returns the members of a mapping with any keys.
    pub(super) fn members(&self, findings: &mut Findings) -> Vec<(&'a str, Node<'a>)> {
        let Some(members) = self.value.as_object() else {
            self.expect("a mapping", findings);
            return Vec::new();
        };
        members.iter().map(|(key, value)| (key.as_str(), self.below(key, value))).collect()
    }

    /// Returns the members of a mapping whose keys are known; others are named with the nearest known one.
    pub(super) fn fields(&self, known: &[&str], findings: &mut Findings) -> Vec<(&'a str, Node<'a>)> {
        let mut members = self.members(findings);
        members.retain(|(key, node)| {
            let is_known = known.contains(key);
            if !is_known {
                let expected = nearest(key, known.iter().copied()).map_or_else(|| known.join(", "), str::to_owned);
                let finding = node.finding_at_key(Rule::PolicyInvalid, "key is not known here, so it would do nothing");
                findings.add(finding.found(key).expected(expected));
            }
            is_known
        });
        members
    }

    /// Returns the elements of a list.
    pub(super) fn elements(&self, findings: &mut Findings) -> Vec<Node<'a>> {
        let Some(elements) = self.value.as_array() else {
            self.expect("a list", findings);
            return Vec::new();
        };
        elements.iter().enumerate().map(|(at, value)| self.below(&at.to_string(), value)).collect()
    }

    /// Returns the text.
    pub(super) fn text(&self, findings: &mut Findings) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.expect("text; put it in quotes", findings);
        }
        text
    }

    /// Returns the truth value.
    pub(super) fn boolean(&self, findings: &mut Findings) -> Option<bool> {
        let boolean = self.value.as_bool();
        if boolean.is_none() {
            self.expect("true or false", findings);
        }
        boolean
    }

    /// Returns whether this is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Returns the value itself.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// Returns the line on which it starts.
    pub(super) fn line(&self) -> Option<usize> {
        self.finding(Rule::PolicyInvalid, "").line
    }

    /// Adds that something else should stand here.
    pub(super) fn expect(&self, expected: &str, findings: &mut Findings) {
        let finding = self.finding(Rule::PolicyInvalid, "value is of another kind");
        findings.add(finding.found(shown(self.value)).expected(expected));
    }

    /// Returns whether there are more entries than a setting lets through, and adds it.
    pub(super) fn has_too_many(&self, what: &str, found: usize, limit: (usize, &str), findings: &mut Findings) -> bool {
        let (max, key) = limit;
        if found > max {
            let message = format!("file has too many {what}; join some of them, or take out what nobody needs");
            let finding = self.finding(Rule::PolicySize, message).found(format!("{found} {what}"));
            findings.add(finding.expected(at_most(max, what, key)));
        }
        found > max
    }

    /// Returns a finding about this value.
    pub(super) fn finding(&self, rule: Rule, message: impl Into<String>) -> Finding {
        let place = self.file.content.place(0, &self.pointer);
        let finding = match place {
            Some(place) => self.file.document.finding_at(rule, place.value, message),
            None => self.file.document.finding(rule, message),
        };
        finding.pointing(&self.pointer)
    }

    fn finding_at_key(&self, rule: Rule, message: &str) -> Finding {
        let place = self.file.content.place(0, &self.pointer);
        let document = self.file.document;
        let at = place.map(|place| document.finding_at(rule, place.key.unwrap_or(place.value), message));
        at.unwrap_or_else(|| document.finding(rule, message)).pointing(&self.pointer)
    }

    fn below(&self, step: &str, value: &'a Value) -> Node<'a> {
        let step = step.replace('~', "~0").replace('/', "~1");
        Node { file: self.file, pointer: format!("{}/{step}", self.pointer), value }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a mapping".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_do_nothing_is_named_with_the_nearest() {
        let document = Document::new("rules.yaml", b"files: a\nmesage: b\n");
        let mut findings = Findings::default();
        let file = PolicyFile::read(&document, &mut findings).unwrap();
        let fields = file.root().unwrap().fields(&["files", "rule", "message"], &mut findings);
        assert_eq!(fields.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["files"]);
        let (found, _) = findings.into_parts();
        let told =
            "rules.yaml:2:1 /mesage: key is not known here, so it would do nothing: found mesage, expected message";
        let pointer = found[0].pointer.as_deref().unwrap();
        assert_eq!(format!("{} {pointer}: {}", found[0].location(), found[0].sentence()), told);
    }
}
