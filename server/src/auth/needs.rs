//! What a route asks of its caller.

use configbus_model::{ComponentRole, Grant, Namespace, Principal, Role, Scope};

/// What somebody must be to use a route. An admin everywhere may do everything: it could make itself any token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: anybody may, without a credential.
    Nothing,
    /// Any credential that holds.
    Credential,
    /// At least this role in the namespace that is asked for.
    Role(Role),
    /// At least this role in the namespace, or to be such a process of the bus.
    RoleOr(Role, ComponentRole),
    /// To be such a process of the bus.
    Component(ComponentRole),
    /// To be admin in every namespace: it is about the whole installation.
    AdminEverywhere,
}

impl Needs {
    /// Judges a principal before the namespace is known: it must be allowed in some namespace at least.
    pub(super) fn may_be_met_by(self, principal: &Principal) -> bool {
        let in_some =
            |role| principal.roles.grants().any(|grant| matches!(grant, Grant::Role(held, _) if held >= role));
        self.is_met(principal, in_some)
    }

    /// Judges a principal in a namespace.
    pub(crate) fn are_met_by(self, principal: &Principal, namespace: &Namespace) -> bool {
        self.is_met(principal, |role| principal.is_at_least(role, namespace))
    }

    fn is_met(self, principal: &Principal, has: impl Fn(Role) -> bool) -> bool {
        let is_all = || principal.roles.grants().any(|grant| grant == Grant::Role(Role::Admin, Scope::Everywhere));
        match self {
            Self::Nothing | Self::Credential => true,
            Self::Role(role) => has(role),
            Self::RoleOr(role, component) => has(role) || principal.is_component(component),
            Self::Component(component) => principal.is_component(component) || is_all(),
            Self::AdminEverywhere => is_all(),
        }
    }

    /// Says what is missing.
    pub(super) fn described(self) -> String {
        match self {
            Self::Nothing | Self::Credential => "a credential".to_owned(),
            Self::Role(role) => format!("the role {}", role.as_str()),
            Self::RoleOr(role, component) => format!("the role {} or {}", role.as_str(), component.as_str()),
            Self::Component(component) => format!("the role {}", component.as_str()),
            Self::AdminEverywhere => "the role admin in every namespace".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(grants: &[&str]) -> Principal {
        let roles = grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect();
        Principal::new("ada".parse().unwrap(), roles)
    }

    #[test]
    fn a_role_in_another_namespace_passes_the_door_and_not_the_room() {
        let (writer, main) = (principal(&["writer@traffic"]), Namespace::main());
        let needs = Needs::Role(Role::Writer);
        assert!(needs.may_be_met_by(&writer) && !needs.are_met_by(&writer, &main));
        assert!(needs.are_met_by(&writer, &Namespace::parse("traffic").unwrap()));
        assert!(!Needs::Role(Role::Admin).may_be_met_by(&writer));
    }

    #[test]
    fn components_and_people_do_not_stand_in_for_each_other() {
        let main = Namespace::main();
        let (agent, store, reader) = (principal(&["agent"]), principal(&["store"]), principal(&["reader"]));
        let mirrored = Needs::RoleOr(Role::Reader, ComponentRole::Store);
        assert!(mirrored.are_met_by(&store, &main) && mirrored.are_met_by(&reader, &main));
        assert!(!mirrored.are_met_by(&agent, &main));
        for component in [ComponentRole::Store, ComponentRole::Agent] {
            assert!(!Needs::Component(component).are_met_by(&reader, &main));
            assert!(!Needs::Component(component).are_met_by(&principal(&["admin@main"]), &main));
            assert!(Needs::Component(component).are_met_by(&Principal::open(), &main));
        }
        assert!(!Needs::AdminEverywhere.may_be_met_by(&principal(&["admin@main"])));
    }
}
