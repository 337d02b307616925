//! Walks every route and every RPC of a running server with every kind of credential: by token and by certificate.
//!
//! What each needs is written down here a second time, from the point of view of who may do what; and the list of ways
//! in comes from the API's own descriptions, so that neither this list nor the table can leave one out.

use super::route_table::RULES;
use super::token_file::TokenFile;
use crate::{Auth, NewToken, Server, Settings};
use axum::body::Bytes;
use axum::http::Request;
use configbus_model::{CertificateRule, Token};
use configbus_proto::DESCRIPTORS;
use configbus_runtime::Tasks;
use configbus_transport::testing::{Authority, Issued, Validity};
use configbus_transport::{ClientTls, ClientTlsSettings, TlsSettings, channel};
use http_body_util::{BodyExt as _, Full};
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

const OPEN: &[&str] =
    &["GET /healthz", "GET /readyz", "POST /grpc.health.v1.Health/Check", "POST /grpc.health.v1.Health/Watch"];
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
    "GET /v1/blame/{*path}",
    "GET /v1/diff",
    "GET /v1/watch",
    "GET /v1/fleet",
    "GET /v1/namespaces",
    "GET /v1/storage",
    "POST /configbus.v1.Config/Get",
    "POST /configbus.v1.Config/List",
    "POST /configbus.v1.Config/Log",
    "POST /configbus.v1.Config/Diff",
    "POST /configbus.v1.Config/Watch",
    "POST /configbus.v1.Config/Blame",
    "POST /configbus.v1.Fleet/Wait",
    "POST /configbus.v1.Fleet/Hosts",
    "POST /configbus.v1.Admin/ListNamespaces",
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
    "POST /v1/revert",
    "POST /configbus.v1.Config/CompareAndSet",
    "POST /configbus.v1.Config/CompareAndSetStream",
    "POST /configbus.v1.Config/Revert",
    "POST /configbus.v1.Coordination/Announce",
];
const STORES: &[&str] =
    &["POST /configbus.v1.Fleet/Report", "POST /configbus.v1.Coordination/Join", "POST /configbus.v1.Admin/JudgeToken"];
const AGENTS: &[&str] = &["POST /configbus.v1.Distribution/Subscribe"];
const ADMINS_OF_MAIN: &[&str] = &[
    "POST /v1/namespaces",
    "DELETE /v1/namespaces/{namespace}",
    "POST /configbus.v1.Admin/CreateNamespace",
    "POST /configbus.v1.Admin/DeleteNamespace",
    "POST /configbus.v1.Admin/SplitNamespace",
];
const ADMINS: &[&str] = &[
    "POST /configbus.v1.Admin/CreateToken",
    "POST /configbus.v1.Admin/ListTokens",
    "POST /configbus.v1.Admin/RevokeToken",
];

const ALL: [&[&str]; 9] =
    [OPEN, ANYBODY_KNOWN, READERS, READERS_AND_STORES, WRITERS, STORES, AGENTS, ADMINS_OF_MAIN, ADMINS];

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

/// Far longer than anything takes that works.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    LetIn,
    NobodyKnown,
    Forbidden,
    /// The connection ends before anything can be asked.
    TurnedAway,
}

/// Somebody who comes with a certificate, a token, or neither.
struct Visitor {
    name: &'static str,
    connection: Channel,
    token: Option<Token>,
    /// What is to let them in.
    allowed: BTreeSet<&'static str>,
    /// What they are to meet everywhere else.
    otherwise: Met,
}

impl Visitor {
    async fn knock(&self, way: &str) -> Met {
        let (method, route) = way.split_once(' ').unwrap();
        let is_rpc = route.starts_with("/configbus.") || route.starts_with("/grpc.");
        let mut path = route.replace("{repository}", "main.git").replace("{*path}", "a.json").replace("{*prefix}", "a");
        path = path.replace("{*file}", "HEAD").replace("{namespace}", "elsewhere");
        if way == "GET /git/{repository}/info/refs" {
            path += "?service=git-upload-pack";
        }
        let mut request = Request::builder().uri(path).method(if method == "*" { "GET" } else { method });
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        if is_rpc {
            request = request.header("content-type", "application/grpc").header("te", "trailers");
        }
        let body: &[u8] = match route {
            "/configbus.v1.Fleet/Wait" => SHORT_WAIT,
            _ if is_rpc => EMPTY_MESSAGE,
            _ if matches!(method, "GET" | "*" | "DELETE") => b"",
            _ => b"1",
        };
        let request = request.body(Body::new(Full::new(Bytes::from_static(body)))).unwrap();
        let asked = tokio::time::timeout(DEADLINE, self.connection.clone().oneshot(request)).await;
        let Ok(answer) = asked.unwrap_or_else(|_| panic!("{way} answers {}", self.name)) else {
            return Met::TurnedAway;
        };
        if is_rpc {
            let status = answer.headers().get("grpc-status").map(|status| status.to_str().unwrap());
            // A server feeds no hosts, and says so itself.
            let is_nowhere = status == Some("12") && !route.ends_with("/Subscribe");
            assert!(!is_nowhere, "{way} is in the table and nowhere else");
            return match status {
                Some("16" | "8") => Met::NobodyKnown,
                Some("7") => Met::Forbidden,
                _ => Met::LetIn,
            };
        }
        let (head, body) = answer.into_parts();
        match head.status.as_u16() {
            401 => {
                assert!(head.headers["www-authenticate"].to_str().unwrap().starts_with("Basic"));
                Met::NobodyKnown
            }
            429 => Met::NobodyKnown,
            status @ (403 | 404) => {
                let said = body.collect().await.unwrap().to_bytes();
                let says = |text: &str| String::from_utf8_lossy(&said).contains(text);
                assert!(!says("there is nothing at this path"), "{way} is nowhere");
                // Files of a repository are refused to those who may ask as well.
                if status == 403 && says("may not do this") { Met::Forbidden } else { Met::LetIn }
            }
            _ => Met::LetIn,
        }
    }

    async fn walk(&self) {
        for way in set(&ALL) {
            let expected = if self.allowed.contains(way) { Met::LetIn } else { self.otherwise };
            assert_eq!(self.knock(way).await, expected, "{way} with the credential {:?}", self.name);
        }
    }
}

/// Who may come in by which right.
fn rights() -> Vec<(&'static str, &'static str, BTreeSet<&'static str>)> {
    let known = |lists: &[&[&'static str]]| set(&[&[OPEN, ANYBODY_KNOWN], lists].concat());
    let writer = known(&[READERS, READERS_AND_STORES, WRITERS]);
    vec![
        ("reader", "reader", known(&[READERS, READERS_AND_STORES])),
        ("writer", "writer", writer.clone()),
        ("admin of main", "admin@main", writer.into_iter().chain(ADMINS_OF_MAIN.iter().copied()).collect()),
        ("admin", "admin", set(&ALL)),
        ("store", "store", known(&[STORES, READERS_AND_STORES])),
        ("agent", "agent", known(&[AGENTS])),
    ]
}

/// A server that asks for tokens and knows certificates, and what to knock at it with.
struct House {
    url: String,
    data: tempfile::TempDir,
    authority: Authority,
    tasks: Tasks,
}

impl House {
    async fn open() -> Self {
        let (data, authority) = (tempfile::tempdir().unwrap(), Authority::new("ours"));
        let served = authority.issue("server", &["127.0.0.1"]).served();
        let certificates = rights().into_iter().map(|(_, grant, _)| CertificateRule {
            san: san(grant).parse().unwrap(),
            principal: None,
            roles: [grant.parse().unwrap()].into_iter().collect(),
            groups: BTreeSet::new(),
        });
        let settings = Settings {
            data: data.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            auth: Some(Auth::Tokens),
            tls: TlsSettings { client_ca: Some(authority.file()), ..served },
            certificates: certificates.collect(),
            hook_program: Some("/bin/true".into()),
            ..Settings::default()
        };
        let server = Server::build(settings).await.unwrap();
        let (url, readiness, tasks) = (server.url().to_owned(), server.readiness(), Tasks::new("server"));
        server.run(&tasks);
        readiness.wait().await;
        Self { url, data, authority, tasks }
    }

    fn connection(&self, tls: &ClientTlsSettings) -> Channel {
        channel(&Endpoint::from_shared(self.url.clone()).unwrap(), &ClientTls::open(tls).unwrap())
    }

    fn with_token(
        &self,
        name: &'static str,
        token: Option<Token>,
        allowed: BTreeSet<&'static str>,
        otherwise: Met,
    ) -> Visitor {
        Visitor { name, connection: self.connection(&self.authority.believed()), token, allowed, otherwise }
    }

    fn with_certificate(
        &self,
        name: &'static str,
        issued: &Issued,
        allowed: BTreeSet<&'static str>,
        otherwise: Met,
    ) -> Visitor {
        let connection = self.connection(&self.authority.believed_by(issued));
        Visitor { name, connection, token: None, allowed, otherwise }
    }

    async fn close(self) {
        self.tasks.shutdown();
        self.tasks.join(Duration::from_secs(20)).await.unwrap();
    }
}

/// The name that a certificate is given for a right.
fn san(grant: &str) -> String {
    format!("spiffe://test/{}", grant.replace('@', "/"))
}

fn make(data: &Path, grant: &str, expires_ms: Option<u64>) -> Token {
    let new = NewToken {
        principal: "ada".parse().unwrap(),
        roles: [grant.parse().unwrap()].into_iter().collect(),
        groups: BTreeSet::new(),
        note: String::new(),
        expires_ms,
    };
    TokenFile::in_data_folder(data).unwrap().create(new, 0).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_without_the_right_token() {
    let house = House::open().await;
    let data = house.data.path();
    let revoked = make(data, "admin", None);
    TokenFile::in_data_folder(data).unwrap().revoke(revoked.id()).unwrap();
    let bad = [
        ("none", None),
        ("wrong", Some(Token::of([9; 5], [9; 32]))),
        ("expired", Some(make(data, "admin", Some(1)))),
        ("revoked", Some(revoked)),
    ];
    for (name, token) in bad {
        house.with_token(name, token, set(&[OPEN]), Met::NobodyKnown).walk().await;
    }
    for (name, grant, allowed) in rights() {
        house.with_token(name, Some(make(data, grant, None)), allowed, Met::Forbidden).walk().await;
    }
    // A role in another namespace opens the door to no room of this one.
    let elsewhere = Some(make(data, "admin@elsewhere", None));
    let elsewhere = house.with_token("admin of elsewhere", elsewhere, BTreeSet::new(), Met::Forbidden);
    let names_no_namespace = ["CompareAndSet", "commits", "Announce", "evert"];
    for way in set(&[WRITERS]).into_iter().filter(|way| !names_no_namespace.iter().any(|name| way.contains(name))) {
        assert_eq!(elsewhere.knock(way).await, Met::Forbidden, "{way} from elsewhere");
    }
    assert_eq!(elsewhere.knock("GET /v1/log").await, Met::Forbidden);
    let stranger = house.with_token("none", None, BTreeSet::new(), Met::NobodyKnown);
    assert_eq!(stranger.knock("PATCH /v1/log").await, Met::NobodyKnown, "what is not there is told to nobody");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_without_the_right_certificate() {
    let house = House::open().await;
    for (name, grant, allowed) in rights() {
        let issued = house.authority.issue(grant, &[&san(grant)]);
        house.with_certificate(name, &issued, allowed, Met::Forbidden).walk().await;
    }
    let admin = san("admin");
    let unknown = house.authority.issue("unknown", &["spiffe://test/admin/of/nothing"]);
    house.with_certificate("unmapped", &unknown, set(&[OPEN]), Met::NobodyKnown).walk().await;
    let expired = house.authority.issue_for("expired", &[&admin], Validity::Expired);
    house.with_certificate("expired", &expired, BTreeSet::new(), Met::TurnedAway).walk().await;
    let theirs = Authority::new("theirs");
    let foreign = theirs.issue("foreign", &[&admin]);
    house.with_certificate("of another authority", &foreign, BTreeSet::new(), Met::TurnedAway).walk().await;
    // Of somebody who gives both, the token counts: a wrong one is not made good by the certificate.
    let issued = house.authority.issue("both", &[&admin]);
    let both = house.with_certificate("a wrong token", &issued, set(&[OPEN]), Met::NobodyKnown);
    Visitor { token: Some(Token::of([9; 5], [9; 32])), ..both }.walk().await;
    let with_reader = house.with_certificate("a reader's token", &issued, BTreeSet::new(), Met::Forbidden);
    let with_reader = Visitor { token: Some(make(house.data.path(), "reader", None)), ..with_reader };
    assert_eq!(with_reader.knock("PUT /v1/files/{*path}").await, Met::Forbidden);
    house.close().await;
}
