//! In front of every route: who is it, and may they come in? The same for Git, REST and gRPC, since all of them are
//! requests to one router.

use super::attempts::{Attempt, Attempts};
use super::credential;
use super::refusal::{self, Manner, Refused};
use super::route_table::{Found, PUSH_ADVERTISEMENT, look_up};
use super::tokens::{KnownToken, Tokens};
use super::until_revoked::{self, Ended, TOKEN_ENDED};
use super::{Caller, Needs};
use crate::audit::{AuditEvent, AuditLog, AuditOutcome, AuditRecord};
use crate::git_http;
use crate::settings::Settings;
use crate::web::Peer;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::Response;
use configbus_model::{CertificateRule, Principal};
use configbus_transport::{Certificate, CertificateName};
use futures_util::future::{self, BoxFuture, FutureExt as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How callers prove who they are.
pub(crate) enum Proof {
    /// They do not.
    Nothing(Arc<Principal>),
    /// By tokens.
    Tokens(Arc<Tokens>),
}

/// Lets requests in.
pub(crate) struct Door {
    proof: Proof,
    audit: AuditLog,
    attempts: Mutex<Attempts>,
    /// Whom certificates stand for.
    certificates: Vec<CertificateRule>,
    /// Nobody may come without one, whatever else they bring.
    requires_certificate: bool,
    /// Connections come from a proxy, which says for whom.
    behind_proxy: bool,
}

impl Refused {
    fn certificate_ended() -> Self {
        count("certificate");
        Self::Wrong { reason: CERTIFICATE_ENDED.to_owned() }
    }
}

/// Somebody who may come in, and how long.
struct Admitted {
    caller: Caller,
    ended: Option<BoxFuture<'static, Ended>>,
}

/// What a certificate of a standing connection is that would not be accepted any more.
const CERTIFICATE_ENDED: &str = "the certificate has expired, was revoked, or is of an authority that is not accepted";

impl Door {
    pub(crate) fn new(proof: Proof, settings: &Settings, audit: AuditLog) -> Self {
        Self {
            proof,
            audit,
            attempts: Mutex::default(),
            certificates: settings.certificates.clone(),
            requires_certificate: settings.tls.require_client_certificate,
            behind_proxy: settings.behind_tls_proxy,
        }
    }

    fn admit(&self, request: &Request, needs: Needs) -> Result<Admitted, Refused> {
        let address = self.address_of(request);
        if self.requires_certificate && certificate_of(request).is_none() {
            // The handshake saw one, so it does not hold any more.
            return Err(Refused::certificate_ended());
        }
        let open = |principal: Arc<Principal>| Admitted {
            caller: Caller { principal, token: None, address, needs },
            ended: self.ended(None, self.requires_certificate, request),
        };
        let tokens = match &self.proof {
            Proof::Nothing(principal) => return Ok(open(Arc::clone(principal))),
            Proof::Tokens(_) if needs == Needs::Nothing => return Ok(open(nobody())),
            Proof::Tokens(tokens) => tokens,
        };
        let token = match credential::of_request(request.headers()) {
            Ok(Some(token)) => token,
            Ok(None) => {
                let Some(principal) = self.certified(request) else {
                    if peer_of(request).is_some_and(Peer::has_lost_certificate) {
                        return Err(Refused::certificate_ended());
                    }
                    count("missing");
                    return Err(Refused::Unknown { needs });
                };
                let caller = Caller { principal: Arc::new(principal), token: None, address, needs };
                let ended = self.ended(None, true, request);
                return self.judged(caller, ended, request);
            }
            Err(error) => return Err(self.failed(address, None, "malformed", &error.to_string())),
        };
        let known = tokens
            .judge(token.id(), &token.hash())
            .map_err(|error| self.failed(address, Some(token.id()), "wrong", &error.to_string()))?;
        let caller = Caller {
            principal: Arc::clone(&known.principal),
            token: Some(known.record.id.as_str().into()),
            address,
            needs,
        };
        let token_ended = (Arc::clone(tokens), known);
        let ended = self.ended(Some(token_ended), self.requires_certificate, request);
        self.judged(caller, ended, request)
    }

    /// Returns what tells that whatever lets a request in does not hold any more.
    fn ended(
        &self,
        token: Option<(Arc<Tokens>, Arc<KnownToken>)>,
        by_certificate: bool,
        request: &Request,
    ) -> Option<BoxFuture<'static, Ended>> {
        let token = token.map(|(tokens, token)| {
            async move {
                tokens.ended(&token).await;
                Ended(TOKEN_ENDED)
            }
            .boxed()
        });
        let peer = peer_of(request).filter(|_| by_certificate).cloned();
        let certificate = peer.map(|peer| {
            async move {
                peer.certificate_ended().await;
                Ended(CERTIFICATE_ENDED)
            }
            .boxed()
        });
        match (token, certificate) {
            (Some(token), Some(certificate)) => {
                Some(future::select(token, certificate).map(|first| first.factor_first().0).boxed())
            }
            (token, certificate) => token.or(certificate),
        }
    }

    /// Lets in whose roles suffice.
    fn judged(
        &self,
        caller: Caller,
        ended: Option<BoxFuture<'static, Ended>>,
        request: &Request,
    ) -> Result<Admitted, Refused> {
        if caller.needs.may_be_met_by(&caller.principal) {
            return Ok(Admitted { caller, ended });
        }
        Err(self.forbidden(&caller, request))
    }

    /// Finds whom the certificate of the connection stands for. A token in the request counts before it: of a program
    /// on a host that has a certificate the token says more.
    fn certified(&self, request: &Request) -> Option<Principal> {
        let names: Vec<_> = certificate_of(request)?.names.iter().map(CertificateName::as_str).collect();
        CertificateRule::principal(&self.certificates, &names)
    }

    /// Notes a credential that does not hold.
    fn failed(&self, address: Option<IpAddr>, token: Option<&str>, label: &'static str, reason: &str) -> Refused {
        count(label);
        let address = address.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED));
        let attempt = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).fail(address, Instant::now());
        match attempt {
            Attempt::TooMany(retry_after) => Refused::TooMany { retry_after },
            Attempt::Counted => {
                tracing::info!(%address, token, "refused a credential from {address}: {reason}");
                let record = AuditRecord {
                    address: Some(address),
                    token: token.map(str::to_owned),
                    ..AuditRecord::new(AuditEvent::Authentication, AuditOutcome::Refused).with_reason(reason)
                };
                self.audit.note(record);
                Refused::Wrong { reason: reason.to_owned() }
            }
        }
    }

    fn forbidden(&self, caller: &Caller, request: &Request) -> Refused {
        count("forbidden");
        let needed = caller.needs.described();
        let record = AuditRecord {
            action: Some(format!("{} {}", request.method(), request.uri().path())),
            ..caller.record(AuditEvent::Authorisation, AuditOutcome::Refused)
        };
        self.audit.note(record.with_reason(&format!("needs {needed}")));
        Refused::Forbidden { reason: format!("{} may not do this: it needs {needed}", caller.principal.name) }
    }

    fn address_of(&self, request: &Request) -> Option<IpAddr> {
        let peer = peer_of(request).map(|peer| peer.address().ip());
        let told = if self.behind_proxy { forwarded_for(request.headers()) } else { None };
        told.or(peer).map(|address| address.to_canonical())
    }
}

fn peer_of(request: &Request) -> Option<&Peer> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer)
}

/// Returns the certificate of the connection that a request came by, while it holds.
fn certificate_of(request: &Request) -> Option<&Certificate> {
    peer_of(request)?.certificate()
}

/// Returns what the nearest proxy says; whatever stands before it was sent by the client and may be anything.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let told = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    told.rsplit(',').next()?.trim().parse().ok()
}

/// Whom callers of open routes are taken for where others need a credential: they may do nothing else.
fn nobody() -> Arc<Principal> {
    let name = Principal::open().name;
    Arc::new(Principal::new(name, configbus_model::Roles::default()))
}

fn count(reason: &'static str) {
    metrics::counter!("configbus_server_unauthorised_requests_total", "reason" => reason).increment(1);
}

/// Middleware in front of every route, behind the guard against foreign pages.
pub(crate) async fn admit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let refuse = |request: &Request, refused| refusal::answer(Manner::of(request), refused);
    let found = needs_of(&request);
    // Even what is not there is told to nobody without a credential.
    let needs = if let Found::Route(needs) = found { needs } else { Needs::Credential };
    let Admitted { caller, ended } = match door.admit(&request, needs) {
        Ok(admitted) => admitted,
        Err(refused) => return refuse(&request, refused),
    };
    match found {
        Found::Route(_) => {}
        Found::WrongMethod => return refuse(&request, Refused::WrongMethod),
        Found::Unlisted => return refuse(&request, Refused::Nowhere),
    }
    request.extensions_mut().insert(caller);
    match ended {
        Some(ended) => until_revoked::run(ended, request, next).await,
        None => next.run(request).await,
    }
}

/// Finds what a request needs. RPCs are routes of their own, although the router matches whole services.
fn needs_of(request: &Request<Body>) -> Found {
    let Some(route) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
        return Found::Unlisted;
    };
    let uri: &Uri = request.uri();
    let is_rpc = route.starts_with("/configbus.v1.") || route.starts_with("/grpc.");
    match route {
        "/git/{repository}/info/refs" if git_http::announces_push(uri) => look_up(request.method(), PUSH_ADVERTISEMENT),
        _ if is_rpc => look_up(request.method(), uri.path()),
        route => look_up(request.method(), route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_nearest_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
        headers.append("x-forwarded-for", HeaderValue::from_static("6.6.6.7, 10.0.0.9"));
        assert_eq!(forwarded_for(&headers), Some("10.0.0.9".parse().unwrap()));
        assert_eq!(forwarded_for(&HeaderMap::new()), None);
    }
}
