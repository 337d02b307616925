//! Who asks: a person or a program, as authenticated, never as a commit's author field says.

use crate::{ComponentRole, Grant, Namespace, Role, Roles, Scope};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

/// Longest accepted name in bytes: that of a mail address, and room for the URI of a certificate.
const NAME_BYTES_MAX: usize = 255;

/// Text that cannot be the name of a principal, a team or a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not a name, expected 1 to 255 bytes without spaces, commas, '#', '\\' or control characters, not starting with '@'"
)]
pub struct PrincipalNameError {
    name: String,
}

/// Name of a principal: `ada`, `ada@example.com` or `spiffe://example.com/deployer`. Compared byte by byte.
///
/// Teams and groups are named by the same rules. A name fits on a line of `.configbus/owners` without quoting, and cannot be
/// taken for a team there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalName(Arc<str>);

/// Somebody who was authenticated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who it is.
    pub name: PrincipalName,
    /// What it may do where.
    pub roles: Roles,
    /// Groups that whoever issued the credential vouches for; teams may include them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<PrincipalName>,
}

impl PrincipalName {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, PrincipalNameError> {
        let is_fine = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | '#' | '\\');
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with('@');
        if fits && name.chars().all(is_fine) {
            Ok(Self(name.into()))
        } else {
            Err(PrincipalNameError { name: name.chars().take(80).collect() })
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Principal {
    /// Returns a principal without groups.
    pub fn new(name: PrincipalName, roles: Roles) -> Self {
        Self { name, roles, groups: BTreeSet::new() }
    }

    /// Returns whom everybody is taken for where nobody is authenticated: admin everywhere.
    pub fn open() -> Self {
        let admin = Grant::Role(Role::Admin, Scope::Everywhere);
        Self::new(PrincipalName("anonymous".into()), [admin].into_iter().collect())
    }

    /// Returns what it may do in a namespace.
    pub fn role_in(&self, namespace: &Namespace) -> Option<Role> {
        self.roles.role_in(namespace)
    }

    /// Returns whether it may do in a namespace what `role` may.
    pub fn is_at_least(&self, role: Role, namespace: &Namespace) -> bool {
        self.role_in(namespace) >= Some(role)
    }

    /// Returns whether it is such a process of the bus.
    pub fn is_component(&self, role: ComponentRole) -> bool {
        self.roles.is_component(role)
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl std::borrow::Borrow<str> for PrincipalName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for PrincipalName {
    type Err = PrincipalNameError;

    fn from_str(name: &str) -> Result<Self, PrincipalNameError> {
        Self::parse(name)
    }
}

impl TryFrom<String> for PrincipalName {
    type Error = PrincipalNameError;

    fn try_from(name: String) -> Result<Self, PrincipalNameError> {
        Self::parse(&name)
    }
}

impl From<PrincipalName> for String {
    fn from(name: PrincipalName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_owners_could_not_spell_are_refused() {
        for name in ["", "@team", "a b", "a,b", "a#b", "a\\b", "a\nb", "a\u{a0}b", &"x".repeat(256)] {
            assert!(PrincipalName::parse(name).is_err(), "{name:?}");
        }
        for name in ["ada", "ada@example.com", "spiffe://example.com/deployer", "günther", "org/team"] {
            assert_eq!(PrincipalName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn without_authentication_everybody_is_admin() {
        let open = Principal::open();
        assert!(open.is_at_least(Role::Admin, &Namespace::main()));
        assert!(!open.is_component(ComponentRole::Store));
        let reader = Principal { roles: ["reader".parse().unwrap()].into_iter().collect::<Roles>(), ..open };
        assert!(reader.is_at_least(Role::Reader, &Namespace::main()));
        assert!(!reader.is_at_least(Role::Writer, &Namespace::main()));
        assert!(!Principal { roles: Roles::default(), ..reader }.is_at_least(Role::Reader, &Namespace::main()));
    }
}
