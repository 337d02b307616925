//! In front of the store's port: agents and other stores prove who they are, and may do what their role is for.

mod verdicts;

pub(crate) use verdicts::Verdicts;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use configbus_model::{CertificateRule, ComponentRole, ErrorKind, Grant, Role, Roles, Token};
use configbus_proto::status::{Details, to_status};
use configbus_transport::{CertificateName, Peer};
use futures_util::StreamExt as _;
use http_body_util::{BodyStream, StreamBody};
use std::{sync::Arc, time::SystemTime};
use verdicts::Refused;

/// What somebody must be to use a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Credential,
    Agent,
    StoreOrReader,
    Reader,
}

/// Every path of the port. What is not here needs a credential and is then answered by nobody.
fn needs_of(path: &str) -> Needs {
    match path {
        "/healthz" | "/readyz" => Needs::Nothing,
        path if path.starts_with("/grpc.health.v1.Health/") => Needs::Nothing,
        "/metrics" => Needs::Reader,
        "/configbus.v1.Distribution/Subscribe" => Needs::Agent,
        "/configbus.v1.Distribution/Pack" => Needs::StoreOrReader,
        _ => Needs::Credential,
    }
}

impl Needs {
    fn are_met_by(self, roles: &Roles) -> bool {
        let reads = || roles.grants().any(|grant| matches!(grant, Grant::Role(..)));
        let is_all = || {
            roles.grants().any(|grant| matches!(grant, Grant::Role(Role::Admin, configbus_model::Scope::Everywhere)))
        };
        match self {
            Self::Nothing | Self::Credential => true,
            Self::Agent => roles.is_component(ComponentRole::Agent) || is_all(),
            Self::StoreOrReader => roles.is_component(ComponentRole::Store) || reads(),
            Self::Reader => reads(),
        }
    }
}

/// What a store lets in.
pub(crate) struct Door {
    /// Who judges tokens; without it none is taken.
    pub(crate) verdicts: Option<Arc<Verdicts>>,
    /// Whom certificates stand for.
    pub(crate) certificates: Vec<CertificateRule>,
}

impl Door {
    /// Returns whether anybody is asked for anything.
    pub(crate) fn is_needed(&self) -> bool {
        self.verdicts.is_some() || !self.certificates.is_empty()
    }

    fn wanted(&self) -> &'static str {
        match (&self.verdicts, self.certificates.is_empty()) {
            (Some(_), true) => "this needs an access token, as Bearer",
            (Some(_), false) => "this needs an access token, as Bearer, or a certificate that this store knows",
            (None, _) => "this needs a certificate that this store knows",
        }
    }

    /// Finds what the certificate of the connection allows. It may expire while the connection stands.
    fn certified(&self, request: &Request) -> Option<Roles> {
        let certificate = request.extensions().get::<Peer>()?.certificate()?;
        let names: Vec<_> = certificate.names.iter().map(CertificateName::as_str).collect();
        let known = CertificateRule::principal(&self.certificates, &names);
        known.filter(|_| certificate.is_valid_at(SystemTime::now())).map(|principal| principal.roles)
    }
}

/// Middleware in front of every route of a store that asks who comes.
pub(crate) async fn admit(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let needs = needs_of(request.uri().path());
    if needs == Needs::Nothing {
        return next.run(request).await;
    }
    let is_grpc = is_grpc(request.headers());
    let refuse = |kind, text: &str| {
        metrics::counter!("configbus_store_unauthorised_requests_total", "reason" => ErrorKind::as_str(kind))
            .increment(1);
        refusal(is_grpc, kind, text)
    };
    let token = token_of(request.headers());
    let (Some(verdicts), Some(token)) = (door.verdicts.clone(), token) else {
        return match door.certified(&request) {
            Some(roles) if needs.are_met_by(&roles) => next.run(request).await,
            Some(_) => refuse(ErrorKind::Denied, "this certificate has not the role that this needs"),
            None => refuse(ErrorKind::Unauthenticated, door.wanted()),
        };
    };
    match verdicts.judge(&token).await {
        Ok(roles) if needs.are_met_by(&roles) => {}
        Ok(_) => return refuse(ErrorKind::Denied, "this token has not the role that this needs"),
        Err(error @ Refused::Bad) => return refuse(ErrorKind::Unauthenticated, &error.to_string()),
        Err(error @ Refused::Unjudged) => return refuse(ErrorKind::Unavailable, &error.to_string()),
    }
    next.run(request).await.map(|body| until_revoked(body, verdicts, token))
}

/// Breaks a subscription off once its token does not hold any more.
fn until_revoked(body: Body, verdicts: Arc<Verdicts>, token: Token) -> Body {
    let ended = async move { verdicts.ended(&token).await };
    Body::new(StreamBody::new(BodyStream::new(body).take_until(Box::pin(ended))))
}

fn token_of(headers: &HeaderMap) -> Option<Token> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    Token::parse(token).ok().filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.starts_with("application/grpc"))
}

fn refusal(is_grpc: bool, kind: ErrorKind, text: &str) -> Response {
    if is_grpc {
        return to_status(kind, text, &Details::default()).into_http();
    }
    let status = match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (status, format!("{text}\n")).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"configbus\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_proto::DESCRIPTORS;

    fn roles(grants: &[&str]) -> Roles {
        grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect()
    }

    #[test]
    fn each_role_reaches_what_it_is_for() {
        let subscribe = needs_of("/configbus.v1.Distribution/Subscribe");
        assert!(subscribe.are_met_by(&roles(&["agent"])) && subscribe.are_met_by(&roles(&["admin"])));
        assert!(!subscribe.are_met_by(&roles(&["store", "writer", "admin@main"])));
        let pack = needs_of("/configbus.v1.Distribution/Pack");
        assert!(pack.are_met_by(&roles(&["store"])) && pack.are_met_by(&roles(&["reader"])));
        assert!(!pack.are_met_by(&roles(&["agent"])));
        assert!(!needs_of("/metrics").are_met_by(&roles(&["agent", "store"])));
    }

    #[test]
    fn no_rpc_is_open() {
        let set = <prost_types::FileDescriptorSet as prost::Message>::decode(DESCRIPTORS).unwrap();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    assert_ne!(needs_of(&path), Needs::Nothing, "{path}");
                }
            }
        }
    }
}
