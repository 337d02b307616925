//! Holding one file to having no secrets but those that policy allows.

use super::{mask::hint, masked, secrets_in};
use crate::{
    Finding, Rule,
    check::{Document, Findings},
    policy::Allowances,
};
use sha2::{Digest as _, Sha256};
use std::{borrow::Cow, fmt::Write as _};

/// Looks for secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretScan<'a> {
    pub(crate) allowances: &'a Allowances,
}

impl SecretScan<'_> {
    /// Adds what is found and returns the content without it, for everything else that will be said about the file.
    pub(crate) fn check<'c>(&self, path: &str, content: &'c [u8], findings: &mut Findings) -> Cow<'c, [u8]> {
        let mut secrets = secrets_in(content);
        secrets.retain(|secret| {
            let checksum = || sha256(&content[secret.place.clone()]);
            !self.allowances.allow(path, secret.rule, &checksum)
        });
        if secrets.is_empty() {
            return Cow::Borrowed(content);
        }
        let shown = masked(content, &secrets);
        let document = Document::new(path, &shown);
        for secret in &secrets {
            let value = &content[secret.place.clone()];
            findings.add_with(|| finding(&document, secret.rule, secret.what, secret.place.start, value));
        }
        Cow::Owned(shown)
    }
}

fn finding(document: &Document<'_>, rule: Rule, what: &str, at: usize, value: &[u8]) -> Finding {
    let message = format!(
        "holds {what}, which every host and every clone would get; revoke it and keep it in a secret store (if it is \
         none: allow it in .configbus/allow.yaml, sha256 {})",
        sha256(value)
    );
    document.finding_at(rule, at, message).found(hint(value))
}

fn sha256(value: &[u8]) -> String {
    Sha256::digest(value).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_message_nor_excerpt_has_the_secret() {
        let token = format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
        let content = format!("a: 1\nfirst: {token} # and {token}\n");
        let mut findings = Findings::default();
        let shown =
            SecretScan { allowances: &Allowances::default() }.check("a.yaml", content.as_bytes(), &mut findings);
        assert!(!String::from_utf8_lossy(&shown).contains(&token[8..]));
        let (found, _) = findings.into_parts();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].location(), found[0].found.as_deref()),
            ("a.yaml:2:8".into(), Some("ghp_… (40 characters)"))
        );
        assert!(!serde_json::to_string(&found).unwrap().contains(&token[8..]));
    }
}
