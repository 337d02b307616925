//! Every route and every RPC of a store's port, and what each needs. What is not here cannot be reached.

use configbus_model::{ComponentRole, Grant, Role, Roles, Scope};

/// What somebody must be to use a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Credential,
    Agent,
    StoreOrReader,
    Reader,
}

/// All of them.
pub(super) const RULES: &[(&str, Needs)] = &[
    // Whether the process runs and may take traffic; load balancers have no credentials.
    ("/healthz", Needs::Nothing),
    ("/readyz", Needs::Nothing),
    ("/grpc.health.v1.Health/Check", Needs::Nothing),
    ("/grpc.health.v1.Health/Watch", Needs::Nothing),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Needs::Credential),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Needs::Credential),
    ("/metrics", Needs::Reader),
    ("/configbus.v1.Distribution/Subscribe", Needs::Agent),
    ("/configbus.v1.Distribution/Pack", Needs::StoreOrReader),
    // Agents learn the stores from it, stores each other.
    ("/configbus.v1.Distribution/Members", Needs::Credential),
];

/// Returns what a path needs; `None` where there is nothing.
pub(super) fn look_up(path: &str) -> Option<Needs> {
    RULES.iter().find(|(known, _)| *known == path).map(|(_, needs)| *needs)
}

impl Needs {
    pub(super) fn are_met_by(self, roles: &Roles) -> bool {
        let reads = || roles.grants().any(|grant| matches!(grant, Grant::Role(..)));
        let is_all = || roles.grants().any(|grant| grant == Grant::Role(Role::Admin, Scope::Everywhere));
        match self {
            Self::Nothing | Self::Credential => true,
            Self::Agent => roles.is_component(ComponentRole::Agent) || is_all(),
            Self::StoreOrReader => roles.is_component(ComponentRole::Store) || reads(),
            Self::Reader => reads(),
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
    fn each_role_reaches_what_it_is_for() {
        let of = |path| look_up(path).unwrap();
        let subscribe = of("/configbus.v1.Distribution/Subscribe");
        assert!(subscribe.are_met_by(&roles(&["agent"])) && subscribe.are_met_by(&roles(&["admin"])));
        assert!(!subscribe.are_met_by(&roles(&["store", "writer", "admin@main"])));
        let pack = of("/configbus.v1.Distribution/Pack");
        assert!(pack.are_met_by(&roles(&["store"])) && pack.are_met_by(&roles(&["reader"])));
        assert!(!pack.are_met_by(&roles(&["agent"])));
        assert!(!of("/metrics").are_met_by(&roles(&["agent", "store"])));
    }

    #[test]
    fn what_is_not_in_the_table_is_found_nowhere() {
        assert_eq!(look_up("/configbus.v1.Config/Get"), None);
        assert_eq!(look_up("/healthz/"), None);
    }
}
