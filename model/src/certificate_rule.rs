//! Whom a client certificate is taken for. The authority vouches for its names; what a name may do is a setting.

use crate::{Principal, PrincipalName, Roles};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Text that no name of a certificate could match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no pattern of names in certificates, expected a DNS name or a URI with at most one '*'")]
pub struct NamePatternError {
    text: String,
}

/// Pattern of alternative names: `spiffe://prod/agent/*`, `*.hosts.example`, or one name. The `*` stands for one or more
/// characters of one segment: it crosses no `/` in a URI and no `.` in a DNS name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(String);

/// Whoever proves to own a certificate with such a name is this principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRule {
    /// One of the certificate's DNS names or URIs.
    pub san: NamePattern,
    /// Name of the principal; the certificate's name that matched, when absent.
    #[serde(default)]
    pub principal: Option<PrincipalName>,
    /// What it may do.
    pub roles: Roles,
    /// Groups it is in.
    #[serde(default)]
    pub groups: BTreeSet<PrincipalName>,
}

impl NamePattern {
    fn matches(&self, name: &str) -> bool {
        let Some((before, after)) = self.0.split_once('*') else { return self.0 == name };
        let rest = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let boundary = if self.is_uri() { &['/', '?', '#', '*'][..] } else { &['.', '*'] };
        rest.is_some_and(|segment| !segment.is_empty() && !segment.contains(boundary))
    }

    fn is_uri(&self) -> bool {
        self.0.contains(':')
    }
}

impl CertificateRule {
    /// Returns whom the names of a certificate stand for. The first rule that matches any of them counts.
    pub fn principal(rules: &[Self], names: &[&str]) -> Option<Principal> {
        rules.iter().find_map(|rule| {
            let name = names.iter().find(|name| rule.san.matches(name))?;
            // A name that cannot be a principal's, for example one with a comma, matches nothing.
            let principal = rule.principal.clone().or_else(|| PrincipalName::parse(name).ok())?;
            Some(Principal { name: principal, roles: rule.roles.clone(), groups: rule.groups.clone() })
        })
    }
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, NamePatternError> {
        let is_fine = |c: char| c.is_ascii_graphic();
        if text.is_empty() || !text.chars().all(is_fine) || text.matches('*').count() > 1 {
            return Err(NamePatternError { text: text.chars().take(300).collect() });
        }
        let pattern = Self(text.to_owned());
        Ok(if pattern.is_uri() { pattern } else { Self(text.to_ascii_lowercase()) })
    }
}

impl TryFrom<String> for NamePattern {
    type Error = NamePatternError;

    fn try_from(text: String) -> Result<Self, NamePatternError> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ComponentRole, Grant};

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().matches(name)
    }

    fn rule(san: &str, principal: Option<&str>, grant: &str) -> CertificateRule {
        CertificateRule {
            san: san.parse().unwrap(),
            principal: principal.map(|name| name.parse().unwrap()),
            roles: [grant.parse::<Grant>().unwrap()].into_iter().collect(),
            groups: BTreeSet::new(),
        }
    }

    #[test]
    fn a_star_stays_in_its_segment() {
        assert!(matches("spiffe://prod/agent/*", "spiffe://prod/agent/host-1"));
        assert!(matches("*.Hosts.example", "a.hosts.example"));
        assert!(matches("bus.example", "bus.example"));
        for name in
            ["spiffe://prod/agent/", "spiffe://prod/agent/a/b", "spiffe://prod/store/a", "spiffe://prod/agent/*"]
        {
            assert!(!matches("spiffe://prod/agent/*", name), "{name}");
        }
        for name in ["hosts.example", ".hosts.example", "a.b.hosts.example", "*.hosts.example", "a.hosts.example.org"] {
            assert!(!matches("*.hosts.example", name), "{name}");
        }
        for wrong in ["", "a*b*", "a b", "ä"] {
            assert!(wrong.parse::<NamePattern>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_first_rule_counts_and_names_are_principals_where_nothing_else_is_said() {
        let rules = [rule("spiffe://prod/agent/*", None, "agent"), rule("*.example", Some("ci"), "writer@main")];
        let found = |names: &[&str]| CertificateRule::principal(&rules, names);
        let agent = found(&["a.example", "spiffe://prod/agent/1"]).unwrap();
        assert_eq!(agent.name.as_str(), "spiffe://prod/agent/1");
        assert!(agent.is_component(ComponentRole::Agent));
        assert_eq!(found(&["a.example"]).unwrap().name.as_str(), "ci");
        assert_eq!(found(&["spiffe://prod/agent/a,b"]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_key_that_does_not_exist_is_refused() {
        let rule = |text: &str| serde_json::from_str::<CertificateRule>(text);
        assert!(rule("{\"san\": \"a\", \"roles\": [\"agent\"]}").is_ok());
        for wrong in [
            "{\"san\": \"a\"}",
            "{\"san\": \"a\", \"roles\": [\"root\"]}",
            "{\"san\": \"a\", \"roles\": [], \"role\": 1}",
        ] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }
}
