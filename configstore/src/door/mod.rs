//! In front of the store's port: agents and other stores prove who they are, and may do what their role is for.

mod route_table;
#[cfg(test)]
mod route_walk;
mod verdicts;

pub(crate) use verdicts::Verdicts;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use configbus_model::{CertificateRule, ErrorKind, Principal, Roles, Token};
use configbus_proto::status::{Details, to_status};
use configbus_transport::{CertificateName, Peer};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{self, BoxFuture},
};
use http_body_util::{BodyStream, StreamBody};
use route_table::{Needs, look_up};
use std::sync::Arc;
use verdicts::Refused;

/// What a store lets in.
pub(crate) struct Door {
    /// Who judges tokens; without it none is taken.
    pub(crate) verdicts: Option<Arc<Verdicts>>,
    /// Whom certificates stand for.
    pub(crate) certificates: Vec<CertificateRule>,
    /// Nobody may come without one, whatever else they bring.
    pub(crate) requires_certificate: bool,
}

/// Somebody who was let in, and when that ends.
struct Admitted {
    roles: Arc<Roles>,
    ended: Option<BoxFuture<'static, ()>>,
}

impl Door {
    /// Returns whether anybody is asked for anything.
    pub(crate) fn is_needed(&self) -> bool {
        self.verdicts.is_some() || !self.certificates.is_empty() || self.requires_certificate
    }

    fn wanted(&self) -> &'static str {
        match (&self.verdicts, self.certificates.is_empty()) {
            (Some(_), true) => "this needs an access token, as Bearer",
            (Some(_), false) => "this needs an access token, as Bearer, or a certificate that this store knows",
            (None, _) => "this needs a certificate that this store knows and that holds",
        }
    }

    /// Finds out who comes. A token counts before the certificate of the connection.
    async fn identify(&self, token: Option<Token>, peer: Option<Peer>) -> Result<Admitted, (ErrorKind, String)> {
        let unknown = || (ErrorKind::Unauthenticated, self.wanted().to_owned());
        if self.requires_certificate && peer.as_ref().and_then(Peer::certificate).is_none() {
            return Err(unknown());
        }
        let roles = self.certified(peer.as_ref());
        let certificate_ended = peer.map(|peer| async move { peer.certificate_ended().await }.boxed());
        let (Some(verdicts), Some(token)) = (self.verdicts.clone(), token) else {
            let roles = roles.ok_or_else(unknown)?;
            return Ok(Admitted { roles: Arc::new(roles), ended: certificate_ended });
        };
        let kind = |error: &Refused| match error {
            Refused::Bad => ErrorKind::Unauthenticated,
            Refused::Unjudged => ErrorKind::Unavailable,
        };
        let roles = verdicts.judge(&token).await.map_err(|error| (kind(&error), error.to_string()))?;
        let token_ended = async move { verdicts.ended(&token).await }.boxed();
        let ended = match certificate_ended.filter(|_| self.requires_certificate) {
            Some(certificate_ended) => future::select(token_ended, certificate_ended).map(drop).boxed(),
            None => token_ended,
        };
        Ok(Admitted { roles, ended: Some(ended) })
    }

    /// Finds what the certificate of a connection allows. Where nothing says whom certificates stand for and nothing else
    /// is asked for, one of the right authority is enough.
    fn certified(&self, peer: Option<&Peer>) -> Option<Roles> {
        let certificate = peer?.certificate()?;
        if self.certificates.is_empty() && self.verdicts.is_none() {
            return Some(Principal::open().roles);
        }
        let names: Vec<_> = certificate.names.iter().map(CertificateName::as_str).collect();
        CertificateRule::principal(&self.certificates, &names).map(|principal| principal.roles)
    }
}

/// Middleware in front of every route of a store that asks who comes.
pub(crate) async fn admit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let found = look_up(request.uri().path());
    // Even what is not there is told to nobody without a credential.
    let needs = found.unwrap_or(Needs::Credential);
    if needs == Needs::Nothing {
        return next.run(request).await;
    }
    let is_grpc = is_grpc(request.headers());
    let refuse = |kind, text: &str| {
        metrics::counter!("configbus_store_unauthorised_requests_total", "reason" => ErrorKind::as_str(kind))
            .increment(1);
        refusal(is_grpc, kind, text)
    };
    let (token, peer) = (token_of(request.headers()), request.extensions().get::<Peer>().cloned());
    let Admitted { roles, ended } = match door.identify(token, peer).await {
        Ok(admitted) => admitted,
        Err((kind, text)) => return refuse(kind, &text),
    };
    if !needs.are_met_by(&roles) {
        return refuse(ErrorKind::Denied, "this token or certificate has not the role that this needs");
    }
    if found.is_none() {
        return refuse(ErrorKind::NotFound, "a store answers nothing at this path");
    }
    // Namespaces are looked at by whoever serves the request.
    request.extensions_mut().insert(roles);
    let response = next.run(request).await;
    match ended {
        Some(ended) => response.map(|body| cut_off(body, ended)),
        None => response,
    }
}

/// Breaks a subscription off once what let it in does not hold any more.
fn cut_off(body: Body, ended: BoxFuture<'static, ()>) -> Body {
    Body::new(StreamBody::new(BodyStream::new(body).take_until(ended)))
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
        let kind = if kind == ErrorKind::NotFound { ErrorKind::Unsupported } else { kind };
        return to_status(kind, text, &Details::default()).into_http();
    }
    let status = match kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = (status, format!("{text}\n")).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"configbus\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
