//! Walks every route and every RPC of a running server with every kind of credential.
//!
//! What each needs is written down here a second time, from the point of view of who may do what; and the list of ways
//! in comes from the API's own descriptions, so that neither this list nor the table can leave one out.

use super::route_table::RULES;
use super::token_file::TokenFile;
use crate::{Auth, NewToken, Server, Settings};
use configbus_model::Token;
use configbus_proto::DESCRIPTORS;
use configbus_runtime::Tasks;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use std::time::Duration;

const OPEN: &[&str] = &[
    "GET /healthz",
    "GET /readyz",
    "POST /grpc.health.v1.Health/Check",
    "POST /grpc.health.v1.Health/List",
    "POST /grpc.health.v1.Health/Watch",
];
const ANYBODY_KNOWN: &[&str] = &[
    "GET /openapi.json",
    "POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "POST /grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "POST /configbus.v1.Distribution/Members",
];
const READERS: &[&str] = &[
    "GET /",
    "GET /metrics",
    "* /git/{repository}/{*file}",
    "* /git/{repository}",
    "GET /v1/files/{*path}",
    "GET /v1/list",
    "GET /v1/list/",
    "GET /v1/list/{*prefix}",
    "GET /v1/log",
    "GET /v1/diff",
    "GET /v1/watch",
    "GET /v1/fleet",
    "POST /configbus.v1.Config/Get",
    "POST /configbus.v1.Config/List",
    "POST /configbus.v1.Config/Log",
    "POST /configbus.v1.Config/Diff",
    "POST /configbus.v1.Config/Watch",
    "POST /configbus.v1.Fleet/Wait",
    "POST /configbus.v1.Fleet/Hosts",
];
const READERS_AND_STORES: &[&str] = &[
    "GET /git/{repository}/info/refs",
    "POST /git/{repository}/git-upload-pack",
    "POST /configbus.v1.Distribution/Pack",
    "POST /configbus.v1.Fleet/Status",
];
const WRITERS: &[&str] = &[
    "GET /git/{repository}/info/refs?service=git-receive-pack",
    "POST /git/{repository}/git-receive-pack",
    "PUT /v1/files/{*path}",
    "DELETE /v1/files/{*path}",
    "POST /v1/commits",
    "POST /configbus.v1.Config/CompareAndSet",
];
const STORES: &[&str] =
    &["POST /configbus.v1.Fleet/Report", "POST /configbus.v1.Coordination/Join", "POST /configbus.v1.Admin/JudgeToken"];
const AGENTS: &[&str] = &["POST /configbus.v1.Distribution/Subscribe"];
const ADMINS: &[&str] = &[
    "POST /configbus.v1.Admin/CreateToken",
    "POST /configbus.v1.Admin/ListTokens",
    "POST /configbus.v1.Admin/RevokeToken",
];

const ALL: [&[&str]; 8] = [OPEN, ANYBODY_KNOWN, READERS, READERS_AND_STORES, WRITERS, STORES, AGENTS, ADMINS];

/// A call of `Fleet.Wait` that does not wait: one field, `timeout_ms = 1`.
const SHORT_WAIT: &[u8] = &[0, 0, 0, 0, 2, 0x20, 1];
const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

fn set(lists: &[&[&'static str]]) -> BTreeSet<&'static str> {
    lists.iter().copied().flatten().copied().collect()
}

#[test]
fn the_table_has_every_rpc_and_every_described_route_and_nothing_else() {
    let known = set(&ALL);
    let table: BTreeSet<String> = RULES.iter().map(|rule| format!("{} {}", rule.method, rule.route)).collect();
    assert_eq!(table, known.iter().map(ToString::to_string).collect());
    let encoded = [DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET];
    for set in encoded.map(|encoded| <FileDescriptorSet as prost::Message>::decode(encoded).unwrap()) {
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let rpc = format!("POST /{}.{}/{}", file.package(), service.name(), method.name());
                    assert!(known.contains(rpc.as_str()), "{rpc} is not in the table");
                }
            }
        }
    }
    let openapi: serde_json::Value = serde_json::from_str(include_str!("../rest/openapi.json")).unwrap();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let route = path.replace("{path}", "{*path}").replace("{prefix}", "{*prefix}");
            let route = format!("{} {route}", method.to_uppercase());
            assert!(known.contains(route.as_str()), "{route} is not in the table");
        }
    }
}

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    LetIn,
    NobodyKnown,
    Forbidden,
}

fn knock(url: &str, way: &str, token: Option<&str>) -> Met {
    let (method, route) = way.split_once(' ').unwrap();
    let is_rpc = route.starts_with("/configbus.") || route.starts_with("/grpc.");
    let mut path = route.replace("{repository}", "main.git").replace("{*path}", "a.json").replace("{*prefix}", "a");
    path = path.replace("{*file}", "HEAD");
    if way == "GET /git/{repository}/info/refs" {
        path += "?service=git-upload-pack";
    }
    let agent = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build();
    let agent: ureq::Agent = agent.into();
    let mut request = ureq::http::Request::builder().uri(format!("{url}{path}"));
    request = request.method(if method == "*" { "GET" } else { method });
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if is_rpc {
        request = request.header("content-type", "application/grpc").header("te", "trailers");
    }
    let body = match route {
        "/configbus.v1.Fleet/Wait" => SHORT_WAIT,
        _ if is_rpc => EMPTY_MESSAGE,
        _ => b"1",
    };
    let answer = if matches!(method, "GET" | "*" | "DELETE") {
        agent.run(request.body(()).unwrap())
    } else {
        agent.run(request.body(body).unwrap())
    };
    let mut answer = answer.unwrap_or_else(|error| panic!("{way}: {error}"));
    let status = answer.status().as_u16();
    if is_rpc {
        return match answer.headers().get("grpc-status").map(|status| status.to_str().unwrap()) {
            Some("16" | "8") => Met::NobodyKnown,
            Some("7") => Met::Forbidden,
            _ => Met::LetIn,
        };
    }
    match status {
        401 => {
            assert!(answer.headers().get("www-authenticate").unwrap().to_str().unwrap().starts_with("Basic"));
            Met::NobodyKnown
        }
        429 => Met::NobodyKnown,
        // Files of a repository are refused to those who may ask as well.
        403 if answer.body_mut().read_to_string().unwrap().contains("may not do this") => Met::Forbidden,
        _ => Met::LetIn,
    }
}

fn make(file: &TokenFile, grant: &str, expires_ms: Option<u64>) -> Token {
    let new = NewToken {
        principal: "ada".parse().unwrap(),
        roles: [grant.parse().unwrap()].into_iter().collect(),
        groups: BTreeSet::new(),
        note: String::new(),
        expires_ms,
    };
    file.create(new, 0).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_without_the_right_role() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: folder.path().to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        auth: Some(Auth::Tokens),
        hook_program: Some("/bin/true".into()),
        ..Settings::default()
    };
    let server = Server::build(settings).await.unwrap();
    let (url, readiness, tasks) = (server.url().to_owned(), server.readiness(), Tasks::new("server"));
    server.run(&tasks);
    readiness.wait().await;
    let file = TokenFile::in_data_folder(folder.path()).unwrap();
    let revoked = make(&file, "admin", None);
    file.revoke(revoked.id()).unwrap();
    let nothing = set(&[OPEN]);
    let known = |lists: &[&[&'static str]]| set(&[&[OPEN, ANYBODY_KNOWN], lists].concat());
    let reader = known(&[READERS, READERS_AND_STORES]);
    let writer = known(&[READERS, READERS_AND_STORES, WRITERS]);
    let cases = [
        ("none", None, nothing.clone(), Met::NobodyKnown),
        ("wrong", Some(Token::of([9; 5], [9; 32])), nothing.clone(), Met::NobodyKnown),
        ("expired", Some(make(&file, "admin", Some(1))), nothing.clone(), Met::NobodyKnown),
        ("revoked", Some(revoked), nothing, Met::NobodyKnown),
        ("reader", Some(make(&file, "reader", None)), reader.clone(), Met::Forbidden),
        ("writer", Some(make(&file, "writer", None)), writer.clone(), Met::Forbidden),
        ("admin of main", Some(make(&file, "admin@main", None)), writer, Met::Forbidden),
        ("admin", Some(make(&file, "admin", None)), set(&ALL), Met::Forbidden),
        ("store", Some(make(&file, "store", None)), known(&[STORES, READERS_AND_STORES]), Met::Forbidden),
        ("agent", Some(make(&file, "agent", None)), known(&[AGENTS]), Met::Forbidden),
    ];
    let walk = move || {
        for (name, token, allowed, otherwise) in &cases {
            for way in set(&ALL) {
                let met = knock(&url, way, token.as_ref().map(Token::expose));
                let expected = if allowed.contains(way) { Met::LetIn } else { *otherwise };
                assert_eq!(met, expected, "{way} with the credential {name:?}");
            }
        }
        // A role in another namespace opens the door to no room of this one.
        let elsewhere = make(&file, "admin@elsewhere", None);
        for way in set(&[WRITERS]).into_iter().filter(|way| !way.contains("CompareAndSet") && !way.contains("commits"))
        {
            assert_eq!(knock(&url, way, Some(elsewhere.expose())), Met::Forbidden, "{way} from elsewhere");
        }
        assert_eq!(knock(&url, "GET /v1/log", Some(elsewhere.expose())), Met::Forbidden);
        assert_eq!(knock(&url, "PATCH /v1/log", None), Met::NobodyKnown, "what is not there is told to nobody");
    };
    tokio::task::spawn_blocking(walk).await.unwrap();
    tasks.shutdown();
    tasks.join(Duration::from_secs(20)).await.unwrap();
}
