//! Walks every route and every RPC of a running store with every kind of credential: by token and by certificate.

use super::route_table::RULES;
use crate::{Auth, Settings, Store};
use axum::body::Bytes;
use configbus_model::{CertificateRule, ErrorKind, Token};
use configbus_proto::{
    DESCRIPTORS,
    status::{Details, to_status},
    v1,
    v1::admin_server::{Admin, AdminServer},
};
use configbus_runtime::Tasks;
use configbus_transport::{
    ClientTls, ClientTlsSettings, TlsSettings, channel,
    testing::{Authority, Validity},
};
use http_body_util::{BodyExt as _, Full};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service as _, http},
    transport::{Channel, Endpoint, Server},
};

const OPEN: &[&str] = &["/healthz", "/readyz", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
const ANYBODY_KNOWN: &[&str] = &[
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/configbus.v1.Distribution/Members",
];
const READERS: &[&str] = &["/metrics"];
const READERS_AND_STORES: &[&str] = &["/configbus.v1.Distribution/Pack"];
const AGENTS: &[&str] = &["/configbus.v1.Distribution/Subscribe"];

const ALL: [&[&str]; 5] = [OPEN, ANYBODY_KNOWN, READERS, READERS_AND_STORES, AGENTS];

/// Far longer than anything takes that works.
const DEADLINE: Duration = Duration::from_secs(60);

type Ways = BTreeSet<&'static str>;

fn set(lists: &[&[&'static str]]) -> Ways {
    lists.iter().copied().flatten().copied().collect()
}

#[test]
fn the_table_has_every_rpc_and_nothing_else() {
    assert_eq!(RULES.iter().map(|(path, _)| *path).collect::<Ways>(), set(&ALL));
    let served = ["configbus.v1.Distribution", "grpc.health.v1.Health"];
    let mut found = BTreeSet::new();
    for descriptors in [DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET] {
        let set = <prost_types::FileDescriptorSet as prost::Message>::decode(descriptors).unwrap();
        for (file, service) in set.file.iter().flat_map(|file| file.service.iter().map(move |service| (file, service)))
        {
            let service_name = format!("{}.{}", file.package(), service.name());
            for method in service.method.iter().filter(|_| served.contains(&service_name.as_str())) {
                found.insert(format!("/{service_name}/{}", method.name()));
            }
        }
    }
    let listed = RULES.iter().map(|(path, _)| (*path).to_owned());
    let listed = listed.filter(|path| served.iter().any(|service| path.starts_with(&format!("/{service}/"))));
    assert_eq!(found, listed.collect());
}

/// The part of a server that judges tokens.
struct Judge(BTreeMap<String, &'static str>);

fn unsupported<T>() -> Result<Response<T>, Status> {
    Err(to_status(ErrorKind::Unsupported, "not needed", &Details::default()))
}

#[tonic::async_trait]
impl Admin for Judge {
    async fn create_token(
        &self,
        _: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        unsupported()
    }

    async fn list_tokens(&self, _: Request<v1::ListTokensRequest>) -> Result<Response<v1::ListTokensResponse>, Status> {
        unsupported()
    }

    async fn revoke_token(
        &self,
        _: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::RevokeTokenResponse>, Status> {
        unsupported()
    }

    async fn create_namespace(
        &self,
        _: Request<v1::CreateNamespaceRequest>,
    ) -> Result<Response<v1::CreateNamespaceResponse>, Status> {
        unsupported()
    }

    async fn list_namespaces(
        &self,
        _: Request<v1::ListNamespacesRequest>,
    ) -> Result<Response<v1::ListNamespacesResponse>, Status> {
        unsupported()
    }

    async fn delete_namespace(
        &self,
        _: Request<v1::DeleteNamespaceRequest>,
    ) -> Result<Response<v1::DeleteNamespaceResponse>, Status> {
        unsupported()
    }

    type SplitNamespaceStream = tokio_stream::Empty<Result<v1::SplitNamespaceResponse, Status>>;

    async fn split_namespace(
        &self,
        _: Request<v1::SplitNamespaceRequest>,
    ) -> Result<Response<Self::SplitNamespaceStream>, Status> {
        unsupported()
    }

    async fn judge_token(
        &self,
        request: Request<v1::JudgeTokenRequest>,
    ) -> Result<Response<v1::JudgeTokenResponse>, Status> {
        let Some(role) = self.0.get(&request.into_inner().hash) else {
            return Err(to_status(ErrorKind::NotFound, "it does not hold", &Details::default()));
        };
        // What has expired while the store remembers it is for the store to see.
        let expires_ms = if *role == EXPIRED { 1 } else { 0 };
        let roles = vec![role.replace(EXPIRED, "admin")];
        let info = v1::TokenInfo { principal: "ada".into(), roles, expires_ms, ..v1::TokenInfo::default() };
        Ok(Response::new(v1::JudgeTokenResponse { info: Some(info) }))
    }
}

const EXPIRED: &str = "expired";

fn token(number: usize) -> Token {
    Token::of([u8::try_from(number).unwrap(); 5], [1; 32])
}

/// Who may come in by which right.
fn rights() -> Vec<(&'static str, Ways)> {
    let known = |lists: &[&[&'static str]]| set(&[&[OPEN, ANYBODY_KNOWN], lists].concat());
    let reader = known(&[READERS, READERS_AND_STORES]);
    vec![
        ("reader", reader.clone()),
        ("writer", reader.clone()),
        ("admin@main", reader),
        ("admin", set(&ALL)),
        ("store", known(&[READERS_AND_STORES])),
        ("agent", known(&[AGENTS])),
    ]
}

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    LetIn,
    NobodyKnown,
    Forbidden,
    Nowhere,
    /// The connection ends before anything can be asked.
    TurnedAway,
}

async fn knock(connection: &Channel, path: &str, token: Option<&Token>) -> Met {
    let is_rpc = path.contains('.');
    let mut request = http::Request::builder().uri(path).method(if is_rpc { "POST" } else { "GET" });
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {}", token.expose()));
    }
    if is_rpc {
        request = request.header("content-type", "application/grpc").header("te", "trailers");
    }
    let body = Bytes::from_static(if is_rpc { &[0; 5] } else { b"" });
    let request = request.body(Body::new(Full::new(body))).unwrap();
    let mut connection = connection.clone();
    let ask = async {
        std::future::poll_fn(|cx| connection.poll_ready(cx)).await?;
        connection.call(request).await
    };
    let Ok(answer) = tokio::time::timeout(DEADLINE, ask).await.unwrap_or_else(|_| panic!("{path} answers")) else {
        return Met::TurnedAway;
    };
    if is_rpc {
        return match answer.headers().get("grpc-status").map(|status| status.to_str().unwrap()) {
            Some("16") => Met::NobodyKnown,
            Some("7") => Met::Forbidden,
            Some("12") => Met::Nowhere,
            _ => Met::LetIn,
        };
    }
    let status = answer.status().as_u16();
    let challenged = answer.headers().contains_key("www-authenticate");
    drop(answer.into_body().collect().await);
    match status {
        401 => {
            assert!(challenged);
            Met::NobodyKnown
        }
        403 => Met::Forbidden,
        404 => Met::Nowhere,
        _ => Met::LetIn,
    }
}

/// A store that asks for tokens and knows certificates, below a server that judges.
struct House {
    url: String,
    authority: Authority,
    _folder: tempfile::TempDir,
    tasks: Tasks,
}

impl House {
    async fn open(judge: Judge) -> Self {
        let (folder, authority, tasks) = (tempfile::tempdir().unwrap(), Authority::new("ours"), Tasks::new("house"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let stop = tasks.shutdown_token().cancelled_owned();
        let judging = Server::builder().add_service(AdminServer::new(judge));
        tasks.spawn("server", judging.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop));
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, token(0).expose()).unwrap();
        let served = authority.issue("store", &["127.0.0.1"]).served();
        let certificates = rights().into_iter().map(|(grant, _)| CertificateRule {
            san: san(grant).parse().unwrap(),
            principal: None,
            roles: [grant.parse().unwrap()].into_iter().collect(),
            groups: BTreeSet::new(),
        });
        let settings = Settings {
            id: Some("store-1".into()),
            data: folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            server,
            auth: Some(Auth::Tokens),
            token_file: Some(token_file),
            tls: TlsSettings { client_ca: Some(authority.file()), ..served },
            certificates: certificates.collect(),
            ..Settings::default()
        };
        let store = Store::build(settings).await.unwrap();
        let url = store.url();
        store.run(&tasks);
        Self { url, authority, _folder: folder, tasks }
    }

    fn connection(&self, tls: &ClientTlsSettings) -> Channel {
        channel(&Endpoint::from_shared(self.url.clone()).unwrap(), &ClientTls::open(tls).unwrap())
    }

    async fn walk(&self, name: &str, connection: &Channel, token: Option<&Token>, allowed: &Ways, otherwise: Met) {
        for path in set(&ALL) {
            let expected = if allowed.contains(path) { Met::LetIn } else { otherwise };
            assert_eq!(knock(connection, path, token).await, expected, "{path} with the credential {name:?}");
        }
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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_without_the_right_token() {
    let rights = rights();
    let mut known: BTreeMap<_, _> =
        rights.iter().enumerate().map(|(number, (grant, _))| (token(number).hash().to_string(), *grant)).collect();
    let [expired, unknown, elsewhere] = [100, 101, 102].map(token);
    known.insert(elsewhere.hash().to_string(), "admin@elsewhere");
    known.insert(expired.hash().to_string(), EXPIRED);
    let house = House::open(Judge(known)).await;
    let connection = house.connection(&house.authority.believed());
    // To a store a token that was revoked is one that the server does not know.
    for (name, token) in [("none", None), ("wrong or revoked", Some(&unknown)), ("expired", Some(&expired))] {
        house.walk(name, &connection, token, &set(&[OPEN]), Met::NobodyKnown).await;
    }
    for (number, (grant, allowed)) in rights.iter().enumerate() {
        house.walk(grant, &connection, Some(&token(number)), allowed, Met::Forbidden).await;
    }
    let pack = knock(&connection, "/configbus.v1.Distribution/Pack", Some(&elsewhere)).await;
    assert_eq!(pack, Met::Forbidden, "a role in another namespace opens no room of this one");
    for path in ["/configbus.v1.Config/Get", "/configbus.v1.Admin/ListTokens", "/openapi.json"] {
        assert_eq!(knock(&connection, path, None).await, Met::NobodyKnown, "what is not there is told to nobody");
        assert_eq!(knock(&connection, path, Some(&token(0))).await, Met::Nowhere, "{path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_without_the_right_certificate() {
    let house = House::open(Judge(BTreeMap::new())).await;
    let with = |issued| house.connection(&house.authority.believed_by(&issued));
    for (grant, allowed) in rights() {
        let connection = with(house.authority.issue(grant, &[&san(grant)]));
        house.walk(grant, &connection, None, &allowed, Met::Forbidden).await;
    }
    let admin = san("admin");
    let unmapped = with(house.authority.issue("unknown", &["spiffe://test/admin/of/nothing"]));
    house.walk("unmapped", &unmapped, None, &set(&[OPEN]), Met::NobodyKnown).await;
    let expired = with(house.authority.issue_for("expired", &[&admin], Validity::Expired));
    house.walk("expired", &expired, None, &Ways::new(), Met::TurnedAway).await;
    let theirs = Authority::new("theirs");
    let foreign = with(theirs.issue("foreign", &[&admin]));
    house.walk("of another authority", &foreign, None, &Ways::new(), Met::TurnedAway).await;
    // Of somebody who gives both, the token counts: a wrong one is not made good by the certificate.
    let both = with(house.authority.issue("both", &[&admin]));
    house.walk("a wrong token", &both, Some(&token(101)), &set(&[OPEN]), Met::NobodyKnown).await;
    house.close().await;
}
