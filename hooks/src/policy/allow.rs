//! `.configbus/allow.yaml`: what looks like a secret and may stay.
//!
//! A list of `{files, rule, reason, sha256}`. The reason is for whoever reads the history; the checksum, which the report of
//! the refusal names, narrows an entry to one value.

use super::reader::{Node, PolicyFile};
use crate::{
    Rule,
    check::{Document, Findings},
    glob::PathGlob,
    policy::nearest,
};
use std::collections::BTreeSet;

const KEYS: [&str; 4] = ["files", "rule", "reason", "sha256"];

/// Prefix of the rules that can be allowed for.
const SECRET_PREFIX: &str = "secret/";

/// Entries of the file.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    entries: Vec<Allowance>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowance {
    files: PathGlob,
    rule: Rule,
    /// In lower case.
    sha256: Option<String>,
}

impl Allowances {
    /// Returns whether a secret of this kind may stay in a file. The checksum is computed only where an entry asks for it.
    pub(crate) fn allow(&self, path: &str, rule: Rule, sha256: &dyn Fn() -> String) -> bool {
        let applies = |entry: &&Allowance| entry.rule == rule && entry.files.matches(path);
        let holds = |entry: &Allowance| entry.sha256.as_ref().is_none_or(|wanted| *wanted == sha256());
        self.entries.iter().filter(applies).any(holds)
    }

    /// Returns what may stay in a file, as text that is the same for the same.
    pub(crate) fn said_of(&self, path: &str) -> String {
        let entries = self.entries.iter().filter(|entry| entry.files.matches(path));
        let value = |entry: &Allowance| entry.sha256.as_ref().map_or_else(String::new, |sum| format!(" {sum}"));
        let said: BTreeSet<String> = entries.map(|entry| format!("{}{}", entry.rule.as_str(), value(entry))).collect();
        said.into_iter().collect::<Vec<_>>().join("; ")
    }

    /// Returns the patterns of entries that are here and not in another list: what they let through is to be looked at again.
    pub(crate) fn patterns_without(&self, kept: &Self) -> Vec<PathGlob> {
        self.entries.iter().filter(|entry| !kept.entries.contains(entry)).map(|entry| entry.files.clone()).collect()
    }
}

/// Parses the file, or adds what is wrong with it.
pub(super) fn parse(document: &Document<'_>, allowances_max: usize, findings: &mut Findings) -> Allowances {
    let Some(file) = PolicyFile::read(document, findings) else { return Allowances::default() };
    let Some(root) = file.root() else { return Allowances::default() };
    let nodes = root.elements(findings);
    if root.has_too_many("entries", nodes.len(), (allowances_max, "gate.policy.allowances_max"), findings) {
        return Allowances::default();
    }
    Allowances { entries: nodes.iter().filter_map(|node| entry(node, findings)).collect() }
}

fn entry(node: &Node<'_>, findings: &mut Findings) -> Option<Allowance> {
    let fields = node.fields(&KEYS, findings);
    let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, node)| node);
    let required = |name: &str, findings: &mut Findings| {
        let found = field(name);
        if found.is_none() {
            findings.add(node.finding(Rule::PolicyInvalid, format!("entry has no {name:?}")));
        }
        found
    };
    let files = required("files", findings).and_then(|node| files(node, findings));
    let rule = required("rule", findings).and_then(|node| rule(node, findings));
    if let Some(reason) = required("reason", findings)
        && reason.text(findings).is_some_and(|text| text.trim().is_empty())
    {
        findings.add(reason.finding(Rule::PolicyInvalid, "reason is empty; say why this is no secret"));
    }
    let sha256 = field("sha256").map(|node| sha256(node, findings));
    Some(Allowance { files: files?, rule: rule?, sha256: sha256.map_or(Some(None), |checksum| checksum.map(Some))? })
}

fn files(node: &Node<'_>, findings: &mut Findings) -> Option<PathGlob> {
    let glob = PathGlob::parse(node.text(findings)?);
    glob.map_err(|error| findings.add(node.finding(Rule::PolicyInvalid, error.to_string()))).ok()
}

fn rule(node: &Node<'_>, findings: &mut Findings) -> Option<Rule> {
    let name = node.text(findings)?;
    let secrets = || Rule::ALL.iter().copied().filter(|rule| rule.as_str().starts_with(SECRET_PREFIX));
    let known = secrets().find(|rule| rule.as_str() == name);
    if known.is_none() {
        let names: Vec<&str> = secrets().map(Rule::as_str).collect();
        let expected = nearest(name, names.iter().copied()).map_or_else(|| names.join(", "), str::to_owned);
        let finding = node.finding(Rule::PolicyInvalid, "rule is none that finds secrets");
        findings.add(finding.found(name).expected(expected));
    }
    known
}

fn sha256(node: &Node<'_>, findings: &mut Findings) -> Option<String> {
    let text = node.text(findings)?;
    let is_checksum = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_checksum {
        node.expect("64 hexadecimal digits, as the report of the refusal names them", findings);
    }
    is_checksum.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Allowances, Vec<String>) {
        let (document, mut findings) = (Document::new(".configbus/allow.yaml", text.as_bytes()), Findings::default());
        let allowances = parse(&document, 1_000, &mut findings);
        let told = |finding: crate::Finding| format!("{}: {}", finding.location(), finding.sentence());
        (allowances, findings.into_parts().0.into_iter().map(told).collect())
    }

    #[test]
    fn entries_allow_by_place_kind_and_value() {
        let value = "ab".repeat(32);
        let text = format!(
            "- {{files: /tests/**, rule: secret/private-key, reason: fixture}}\n- {{files: docs/a.md, rule: \
             secret/github-token, reason: published example, sha256: \"{}\"}}\n",
            value.to_uppercase()
        );
        let (allowances, told) = parsed(&text);
        assert_eq!(told, [""; 0]);
        let allows = |path, rule, sha256: &str| allowances.allow(path, rule, &|| sha256.to_owned());
        assert!(allows("tests/a/key.pem", Rule::SecretPrivateKey, "any"));
        assert!(!allows("tests/a/key.pem", Rule::SecretGithub, "any"));
        assert!(!allows("src/key.pem", Rule::SecretPrivateKey, "any"));
        assert!(allows("docs/a.md", Rule::SecretGithub, &value));
        assert!(!allows("docs/a.md", Rule::SecretGithub, "other"));
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let text = "- {files: a, rule: secret/git-hub-token, reason: x}\n- {files: \"!a\", rule: secret/aws-key}\n\
                    - {files: a, rule: secret/aws-key, reason: \" \", sha256: abc}\n- {file: a}\n";
        let (_, told) = parsed(text);
        assert_eq!(told.len(), 9, "{told:#?}");
        assert!(told[0].contains("1:") && told[0].contains("secret/github-token"), "{told:#?}");
        assert!(told.iter().any(|line| line.contains("expected files")), "{told:#?}");
    }

    #[test]
    fn entries_that_are_gone_are_told() {
        let (before, _) =
            parsed("- {files: a, rule: secret/aws-key, reason: x}\n- {files: b, rule: secret/aws-key, reason: x}\n");
        let (after, _) = parsed("- {files: a, rule: secret/aws-key, reason: y}\n");
        let gone: Vec<_> = before.patterns_without(&after).iter().map(ToString::to_string).collect();
        assert_eq!(gone, ["b"]);
    }
}
