//! What a principal may do, before any file's owners are asked.
//!
//! People and automation have a [`Role`] in each namespace; the bus's own processes have a [`ComponentRole`] and nothing
//! else: a stolen agent credential writes no file.

use crate::{Namespace, NamespaceError};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// What somebody may do in a namespace. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads every file and watches.
    Reader,
    /// Changes files, those that have owners only as one of them.
    Writer,
    /// Changes policy and, visibly, what others own.
    Admin,
}

/// What a process of the bus may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentRole {
    /// Mirrors namespaces and feeds hosts.
    Store,
    /// Subscribes for a host and acknowledges.
    Agent,
}

/// Where a role holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In every namespace, those to come included.
    Everywhere,
    /// In one.
    Namespace(Namespace),
}

/// One thing that is granted. Reads and prints as `writer` (everywhere), `writer@traffic`, `store` or `agent`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grant {
    /// A role of people and automation.
    Role(Role, Scope),
    /// A role of a process of the bus.
    Component(ComponentRole),
}

/// Text that grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The role is none.
    #[error(
        "{text:?} is not a role, expected reader, writer or admin, each with @NAMESPACE or without, or store or agent"
    )]
    Unknown {
        /// What was given.
        text: String,
    },
    /// What follows the `@` is no namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
}

/// Everything that is granted to one principal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct Roles {
    everywhere: Option<Role>,
    by_namespace: BTreeMap<Namespace, Role>,
    components: BTreeSet<ComponentRole>,
}

impl Role {
    const ALL: [Self; 3] = [Self::Reader, Self::Writer, Self::Admin];

    /// Returns the name used in settings and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
        }
    }
}

impl ComponentRole {
    const ALL: [Self; 2] = [Self::Store, Self::Agent];

    /// Returns the name used in settings and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Agent => "agent",
        }
    }
}

impl Roles {
    /// Returns what the principal may do in a namespace; nothing is less than reading.
    pub fn role_in(&self, namespace: &Namespace) -> Option<Role> {
        self.everywhere.max(self.by_namespace.get(namespace).copied())
    }

    /// Returns whether the principal is such a process.
    pub fn is_component(&self, role: ComponentRole) -> bool {
        self.components.contains(&role)
    }

    /// Returns whether the principal may know that a namespace exists and how far it is: who reads it, and the processes of
    /// the bus, which carry all of them.
    pub fn sees(&self, namespace: &Namespace) -> bool {
        self.role_in(namespace).is_some() || !self.components.is_empty()
    }

    /// Returns whether a host that subscribes with this is sent a namespace. `main` is what everything else is mounted in, so
    /// every host gets it. Of the others it gets all, unless something is granted that names what it may read.
    pub fn feeds(&self, namespace: &Namespace) -> bool {
        let names_none = self.everywhere.is_none() && self.by_namespace.is_empty();
        *namespace == Namespace::main() || names_none || self.role_in(namespace).is_some()
    }

    /// Returns whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a grant; of two roles in one namespace the higher one counts.
    fn add(&mut self, grant: Grant) {
        match grant {
            Grant::Component(role) => drop(self.components.insert(role)),
            Grant::Role(role, Scope::Everywhere) => self.everywhere = self.everywhere.max(Some(role)),
            Grant::Role(role, Scope::Namespace(namespace)) => {
                let present = self.by_namespace.entry(namespace).or_insert(role);
                *present = role.max(*present);
            }
        }
    }

    /// Iterates the grants.
    pub fn grants(&self) -> impl Iterator<Item = Grant> {
        let everywhere = self.everywhere.map(|role| Grant::Role(role, Scope::Everywhere));
        let in_one = |(namespace, role): (&Namespace, &Role)| Grant::Role(*role, Scope::Namespace(namespace.clone()));
        let components = self.components.iter().copied().map(Grant::Component);
        everywhere.into_iter().chain(self.by_namespace.iter().map(in_one)).chain(components)
    }
}

impl FromIterator<Grant> for Roles {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut roles = Self::default();
        grants.into_iter().for_each(|grant| roles.add(grant));
        roles
    }
}

impl From<Vec<Grant>> for Roles {
    fn from(grants: Vec<Grant>) -> Self {
        grants.into_iter().collect()
    }
}

impl From<Roles> for Vec<Grant> {
    fn from(roles: Roles) -> Self {
        roles.grants().collect()
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if let Some(role) = ComponentRole::ALL.into_iter().find(|role| role.as_str() == text) {
            return Ok(Self::Component(role));
        }
        let (name, scope) = match text.split_once('@') {
            None | Some((_, "*")) => (text.trim_end_matches("@*"), Scope::Everywhere),
            Some((name, namespace)) => (name, Scope::Namespace(Namespace::parse(namespace)?)),
        };
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
        let unknown = || GrantError::Unknown { text: text.chars().take(80).collect() };
        Ok(Self::Role(role.ok_or_else(unknown)?, scope))
    }
}

impl TryFrom<String> for Grant {
    type Error = GrantError;

    fn try_from(text: String) -> Result<Self, GrantError> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(role) => f.write_str(role.as_str()),
            Self::Role(role, Scope::Everywhere) => f.write_str(role.as_str()),
            Self::Role(role, Scope::Namespace(namespace)) => write!(f, "{}@{namespace}", role.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(grants: &[&str]) -> Roles {
        grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect()
    }

    #[test]
    fn the_highest_role_that_holds_in_a_namespace_counts() {
        let roles = roles(&["reader", "writer@traffic", "reader@traffic", "store"]);
        assert_eq!(roles.role_in(&Namespace::main()), Some(Role::Reader));
        assert_eq!(roles.role_in(&Namespace::parse("traffic").unwrap()), Some(Role::Writer));
        assert!(roles.is_component(ComponentRole::Store) && !roles.is_component(ComponentRole::Agent));
    }

    #[test]
    fn a_component_reads_no_namespace() {
        assert_eq!(roles(&["agent"]).role_in(&Namespace::main()), None);
        assert!(Roles::default().is_empty() && !roles(&["agent"]).is_empty());
    }

    #[test]
    fn who_reads_a_namespace_sees_it_and_components_see_all() {
        let traffic = Namespace::parse("traffic").unwrap();
        assert!(roles(&["reader@traffic"]).sees(&traffic) && !roles(&["admin@traffic"]).sees(&Namespace::main()));
        assert!(roles(&["reader"]).sees(&traffic) && roles(&["agent"]).sees(&traffic));
        assert!(!Roles::default().sees(&traffic));
    }

    #[test]
    fn grants_print_as_they_are_read() {
        for text in ["reader", "writer@traffic", "admin", "store", "agent"] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        assert_eq!("admin@*".parse::<Grant>().unwrap().to_string(), "admin");
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for text in ["", "root", "Admin", "@main", "writer@", "writer@Main", "store@main", "*"] {
            assert!(text.parse::<Grant>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn roles_survive_json() {
        let roles = roles(&["writer@traffic", "reader", "agent"]);
        let json = serde_json::to_string(&roles).unwrap();
        assert_eq!(json, r#"["reader","writer@traffic","agent"]"#);
        assert_eq!(serde_json::from_str::<Roles>(&json).unwrap(), roles);
    }

    #[test]
    fn a_host_is_sent_everything_unless_its_credential_names_what_it_may_read() {
        let fed = |grants: &[&str]| {
            let roles: Roles = grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect();
            let names = ["main", "traffic", "secret"].into_iter();
            names.filter(|name| roles.feeds(&Namespace::parse(name).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(fed(&["agent"]), ["main", "traffic", "secret"]);
        assert_eq!(fed(&["agent", "reader@traffic"]), ["main", "traffic"]);
        assert_eq!(fed(&["agent", "reader"]), ["main", "traffic", "secret"]);
        assert_eq!(fed(&["admin"]), ["main", "traffic", "secret"]);
    }
}
