//! Every route and every RPC of the port, and what each needs. What is not here cannot be reached: the door looks up
//! each request, so that a route somebody adds and forgets here answers nobody.

use super::Needs;
use super::Needs::{AdminEverywhere, Component, Credential, Nothing, RoleOr};
use axum::http::Method;
use configbus_model::ComponentRole::{Agent, Store};
use configbus_model::Role::{Admin, Reader, Writer};

/// Stands for every method.
const ANY: &str = "*";

/// How a push begins; the same path without it begins a fetch.
pub(super) const PUSH_ADVERTISEMENT: &str = "/git/{repository}/info/refs?service=git-receive-pack";

/// One way in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// As the router spells it; of an RPC its path.
    pub(crate) route: &'static str,
    pub(crate) needs: Needs,
}

const fn rule(method: &'static str, route: &'static str, needs: Needs) -> Rule {
    Rule { method, route, needs }
}

const fn rpc(route: &'static str, needs: Needs) -> Rule {
    rule("POST", route, needs)
}

const READER: Needs = Needs::Role(Reader);
const WRITER: Needs = Needs::Role(Writer);
const ADMIN: Needs = Needs::Role(Admin);
/// A store fetches whatever it mirrors, and everybody who may read the files may fetch them.
const MIRRORED: Needs = RoleOr(Reader, Store);

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    // Whether the process runs and may take traffic; load balancers have no credentials.
    rule("GET", "/healthz", Nothing),
    rule("GET", "/readyz", Nothing),
    rpc("/grpc.health.v1.Health/Check", Nothing),
    rpc("/grpc.health.v1.Health/Watch", Nothing),
    // What the API looks like is no secret to anybody who may use any of it.
    rule("GET", "/openapi.json", Credential),
    rpc("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Credential),
    rpc("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Credential),
    // Metrics name namespaces and count refusals: those who watch the bus get a token with the role reader.
    rule("GET", "/metrics", READER),
    rule("GET", "/", READER),
    rule("GET", "/git/{repository}/info/refs", MIRRORED),
    rule("GET", PUSH_ADVERTISEMENT, WRITER),
    rule("POST", "/git/{repository}/git-upload-pack", MIRRORED),
    rule("POST", "/git/{repository}/git-receive-pack", WRITER),
    rule(ANY, "/git/{repository}/{*file}", READER),
    rule(ANY, "/git/{repository}", READER),
    rule("GET", "/v1/files/{*path}", READER),
    rule("PUT", "/v1/files/{*path}", WRITER),
    rule("DELETE", "/v1/files/{*path}", WRITER),
    rule("GET", "/v1/list", READER),
    rule("GET", "/v1/list/", READER),
    rule("GET", "/v1/list/{*prefix}", READER),
    rule("POST", "/v1/commits", WRITER),
    rule("POST", "/v1/revert", WRITER),
    rule("GET", "/v1/blame/{*path}", READER),
    rule("GET", "/v1/log", READER),
    rule("GET", "/v1/diff", READER),
    rule("GET", "/v1/watch", READER),
    rule("GET", "/v1/fleet", READER),
    rule("GET", "/v1/namespaces", READER),
    rule("POST", "/v1/namespaces", ADMIN),
    rule("DELETE", "/v1/namespaces/{namespace}", ADMIN),
    rule("GET", "/v1/storage", READER),
    rpc("/configbus.v1.Config/Get", READER),
    rpc("/configbus.v1.Config/List", READER),
    rpc("/configbus.v1.Config/Log", READER),
    rpc("/configbus.v1.Config/Diff", READER),
    rpc("/configbus.v1.Config/Watch", READER),
    rpc("/configbus.v1.Config/Blame", READER),
    rpc("/configbus.v1.Config/CompareAndSet", WRITER),
    rpc("/configbus.v1.Config/CompareAndSetStream", WRITER),
    rpc("/configbus.v1.Config/Revert", WRITER),
    rpc("/configbus.v1.Distribution/Subscribe", Component(Agent)),
    rpc("/configbus.v1.Distribution/Pack", MIRRORED),
    // Agents learn the stores from it, stores each other.
    rpc("/configbus.v1.Distribution/Members", Credential),
    // Stores ask for heads by it when coordination is away.
    rpc("/configbus.v1.Fleet/Status", MIRRORED),
    rpc("/configbus.v1.Fleet/Wait", READER),
    rpc("/configbus.v1.Fleet/Hosts", READER),
    rpc("/configbus.v1.Fleet/Report", Component(Store)),
    rpc("/configbus.v1.Coordination/Join", Component(Store)),
    // The hook of a repository hosted elsewhere, for the namespace that it announces.
    rpc("/configbus.v1.Coordination/Announce", WRITER),
    rpc("/configbus.v1.Admin/CreateToken", AdminEverywhere),
    rpc("/configbus.v1.Admin/ListTokens", AdminEverywhere),
    rpc("/configbus.v1.Admin/RevokeToken", AdminEverywhere),
    rpc("/configbus.v1.Admin/JudgeToken", Component(Store)),
    // In `main`, whose table of mounts it changes.
    rpc("/configbus.v1.Admin/CreateNamespace", ADMIN),
    rpc("/configbus.v1.Admin/DeleteNamespace", ADMIN),
    rpc("/configbus.v1.Admin/ListNamespaces", READER),
    rpc("/configbus.v1.Admin/SplitNamespace", ADMIN),
];

/// What a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A way in.
    Route(Needs),
    /// A route that does not take this method.
    WrongMethod,
    /// A route that is not in the table.
    Unlisted,
}

/// Looks up a route that the router has matched.
pub(super) fn look_up(method: &Method, route: &str) -> Found {
    // Every GET is answered to HEAD as well, without its body.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let mut of_route = RULES.iter().filter(|rule| rule.route == route).peekable();
    if of_route.peek().is_none() {
        return Found::Unlisted;
    }
    match of_route.find(|rule| rule.method == method || rule.method == ANY) {
        Some(rule) => Found::Route(rule.needs),
        None => Found::WrongMethod,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_found_nowhere() {
        assert_eq!(look_up(&Method::HEAD, "/v1/log"), Found::Route(READER));
        assert_eq!(look_up(&Method::DELETE, "/v1/log"), Found::WrongMethod);
        assert_eq!(look_up(&Method::DELETE, "/git/{repository}"), Found::Route(READER));
        assert_eq!(look_up(&Method::GET, "/v2/log"), Found::Unlisted);
    }

    #[test]
    fn nothing_that_changes_anything_is_open_or_read_only() {
        for rule in
            RULES.iter().filter(|rule| matches!(rule.method, "PUT" | "DELETE") || rule.route.contains("receive"))
        {
            let needs = if rule.route.starts_with("/v1/namespaces") { ADMIN } else { WRITER };
            assert_eq!(rule.needs, needs, "{}", rule.route);
        }
        let open: Vec<&str> = RULES.iter().filter(|rule| rule.needs == Nothing).map(|rule| rule.route).collect();
        assert!(open.iter().all(|route| route.ends_with('z') || route.starts_with("/grpc.health.")), "{open:?}");
    }
}
