//! `.configbus/rules.yaml`: what documents have to be like beyond their schema.
//!
//! A list of entries `{files: pattern or patterns, rule: CEL expression, message: text, on_delete: bool}`. Whether the expression
//! is one is not found out here: that is done where it is evaluated, in a child that can be killed.

use super::reader::{Node, PolicyFile};
use crate::{
    Finding, PathGlob, Rule,
    cel::EXPRESSION_BYTES_MAX,
    check::{Document, Findings},
    policy::is_policy,
};

/// Longest message in characters, so that it fits a line or two of a report.
const MESSAGE_CHARS_MAX: usize = 300;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct RuleEntry {
    /// Which files; one pattern that matches is enough.
    pub files: Vec<PathGlob>,
    /// What has to be true.
    pub expression: String,
    /// What its author tells those who break it.
    pub message: String,
    /// Whether documents that go away are judged as well.
    pub on_delete: bool,
    /// A finding about the expression, to be completed.
    pub place: Finding,
}

impl RuleEntry {
    /// Returns whether a file is held to it. Policy is not: `*` means what it governs.
    pub(crate) fn governs(&self, path: &str) -> bool {
        !is_policy(path) && self.files.iter().any(|glob| glob.matches(path))
    }

    /// Returns whether it asks the same of the same files, wherever it stands.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (&self.files, &self.expression, self.on_delete) == (&other.files, &other.expression, other.on_delete)
    }
}

/// Parses the file, or adds what is wrong with it.
pub(crate) fn parse(document: &Document<'_>, rules_max: usize, findings: &mut Findings) -> Vec<RuleEntry> {
    let Some(file) = PolicyFile::read(document, findings) else { return Vec::new() };
    let Some(root) = file.root() else { return Vec::new() };
    let entries = root.elements(findings);
    if root.has_too_many("rules", entries.len(), (rules_max, "gate.policy.rules_max"), findings) {
        return Vec::new();
    }
    entries.iter().filter_map(|node| entry(node, findings)).collect()
}

fn entry(node: &Node<'_>, findings: &mut Findings) -> Option<RuleEntry> {
    let fields = node.fields(&["files", "rule", "message", "on_delete"], findings);
    if fields.is_empty() {
        return None;
    }
    let (mut files, mut rule, mut message, mut on_delete) = (None, None, None, false);
    for (key, value) in &fields {
        match *key {
            "files" => files = patterns(value, findings),
            "rule" => rule = expression(value, findings),
            "message" => message = bounded_text(value, MESSAGE_CHARS_MAX, findings),
            _ => on_delete = value.boolean(findings).unwrap_or_default(),
        }
    }
    for name in ["files", "rule", "message"].into_iter().filter(|name| !fields.iter().any(|(key, _)| key == name)) {
        findings.add(node.finding(Rule::PolicyInvalid, format!("rule has no '{name}'")));
    }
    let (expression, place) = rule?;
    Some(RuleEntry { files: files?, expression, message: message?, on_delete, place })
}

fn patterns(node: &Node<'_>, findings: &mut Findings) -> Option<Vec<PathGlob>> {
    let nodes = if node.is_list() { node.elements(findings) } else { vec![node.clone()] };
    if nodes.is_empty() {
        node.expect("a pattern", findings);
    }
    let globs: Vec<_> = nodes.iter().filter_map(|node| pattern(node, findings)).collect();
    (!globs.is_empty() && globs.len() == nodes.len()).then_some(globs)
}

fn pattern(node: &Node<'_>, findings: &mut Findings) -> Option<PathGlob> {
    let text = node.text(findings)?;
    let parsed = PathGlob::parse(text);
    parsed.map_err(|error| findings.add(node.finding(Rule::PolicyInvalid, error.to_string()).found(text))).ok()
}

fn expression(node: &Node<'_>, findings: &mut Findings) -> Option<(String, Finding)> {
    let text = bounded_text(node, EXPRESSION_BYTES_MAX, findings)?;
    Some((text, node.finding(Rule::RuleExpression, "")))
}

fn bounded_text(node: &Node<'_>, chars_max: usize, findings: &mut Findings) -> Option<String> {
    let text = node.text(findings)?.trim();
    let count = text.chars().count();
    if count == 0 || count > chars_max {
        let finding = node.finding(Rule::PolicyInvalid, "text is empty or too long");
        findings.add(finding.found(format!("{count} characters")).expected(format!("1 to {chars_max}")));
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_parsed(text: &str) -> (Vec<RuleEntry>, Vec<String>) {
        let document = Document::new("rules.yaml", text.as_bytes());
        let mut findings = Findings::default();
        let rules = parse(&document, 1_000, &mut findings);
        let told = findings.into_parts().0.into_iter();
        (rules, told.map(|finding| format!("{} {}", finding.location(), finding.sentence())).collect())
    }

    #[test]
    fn rules_are_read() {
        let text = "# limits\n\
                    - files: /limits/*.yaml\n  rule: old == null || self.limit <= old.limit * 2\n  message: at most doubled\n\
                    - {files: ['*.json', '*.toml'], rule: self != null, message: stays, on_delete: true}\n";
        let (rules, told) = check_parsed(text);
        assert_eq!(told, [""; 0]);
        assert_eq!(
            (&*rules[0].expression, &*rules[0].message),
            ("old == null || self.limit <= old.limit * 2", "at most doubled")
        );
        assert!(rules[0].governs("limits/a.yaml") && !rules[0].governs("b/limits/a.yaml") && !rules[0].on_delete);
        assert!(!check_parsed("- {files: '*', rule: 'true', message: m}").0[0].governs(".configbus/rules.yaml"));
        assert!(rules[1].governs("a.json") && rules[1].governs("b/c.toml") && rules[1].on_delete);
        assert_eq!(rules[0].place.location(), "rules.yaml:3:9");
        assert!(check_parsed("# none yet\n").0.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, words) in [
            ("files: a", "rules.yaml:1:1 value is of another kind"),
            ("- {files: a, rule: 'true'}", "rules.yaml:1:3 rule has no 'message'"),
            ("- {files: a, rule: true, message: m}", "rules.yaml:1:20 value is of another kind"),
            ("- {file: a, rule: 'true', message: m}", "found file, expected files"),
            ("- {files: '!a', rule: 'true', message: m}", "rules.yaml:1:11 patterns cannot be negated"),
            ("- {files: [], rule: 'true', message: m}", "rules.yaml:1:11 value is of another kind"),
            ("- {files: a, rule: '', message: m}", "rules.yaml:1:20 text is empty or too long"),
            ("- {files: a, rule: 'true', message: m, on_delete: 1}", "rules.yaml:1:51 value is of another kind"),
        ] {
            let (rules, told) = check_parsed(text);
            assert!(told.iter().any(|told| told.contains(words)), "{text}: {told:?}");
            assert!(rules.is_empty() || text.contains("on_delete"), "{text}");
        }
        let many = "- {files: a, rule: 'true', message: m}\n".repeat(1_001);
        assert!(
            check_parsed(&many).1[0]
                .contains("found 1001 rules, expected at most 1000 rules (setting gate.policy.rules_max)")
        );
    }
}
