//! Keeps browsers of other sites out.
//!
//! A server on loopback without authentication is reachable from every page a developer opens: a page can rebind its
//! own name to 127.0.0.1, or send a form without asking first. Two rules stop both: the `Host` must be a name this
//! server answers to, and a write that names an `Origin` must come from this server's own pages. A token in the page
//! was the alternative; it does nothing for `curl` users and breaks `git`.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use configbus_model::ErrorKind;
use configbus_transport::{CertificateName, ListenerTls};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::failure::Failure;
use crate::rest::problem;

/// Names under which this server is addressed.
#[derive(Clone)]
pub(crate) struct HostGuard {
    names: Vec<String>,
    any_address: bool,
    /// Names of its certificate are this server's too: over TLS no other site can take them.
    tls: Option<Arc<ListenerTls>>,
}

/// Why a request is refused before anybody looks at it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForeignRequest {
    #[error("this server does not answer to the host {host:?}; add it to host_names if it should")]
    Host { host: String },
    #[error("a page of {origin:?} may not do this here")]
    Origin { origin: String },
}

impl HostGuard {
    /// Accepts loopback names, `names`, and any literal address when listening beyond loopback: a literal address
    /// cannot be rebound.
    pub(crate) fn new(listen: SocketAddr, names: &[String], tls: Option<Arc<ListenerTls>>) -> Self {
        let names = names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        Self { names, any_address: !listen.ip().is_loopback(), tls }
    }

    /// Judges the head of a request.
    pub(crate) fn check(&self, method: &Method, host: &str, headers: &HeaderMap) -> Result<(), ForeignRequest> {
        if !self.answers_to(host) {
            return Err(ForeignRequest::Host { host: host.chars().take(100).collect() });
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_cross_site = text("sec-fetch-site") == Some("cross-site");
        if method.is_safe() {
            // A browser that remembers a password gives it to requests of other sites as well. Following a link is fine;
            // anything else would let them make this server work in somebody's name.
            let is_link = matches!(text("sec-fetch-mode"), Some("navigate"));
            let foreign = || ForeignRequest::Origin { origin: "another site".into() };
            return if is_cross_site && !is_link { Err(foreign()) } else { Ok(()) };
        }
        match headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("?")) {
            Some(origin) if !self.is_own_origin(origin, host) => {
                Err(ForeignRequest::Origin { origin: origin.chars().take(100).collect() })
            }
            _ if is_cross_site => Err(ForeignRequest::Origin { origin: "another site".into() }),
            _ => Ok(()),
        }
    }

    fn answers_to(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        match name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || self.any_address || self.names.contains(&name),
            Err(_) => {
                let is_set = name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name);
                is_set || self.is_certified(&name)
            }
        }
    }

    fn is_certified(&self, host: &str) -> bool {
        let is_name = |name: &CertificateName| matches!(name, CertificateName::Dns(name) if covers(name, host));
        self.tls.as_ref().is_some_and(|tls| tls.certificate().names.iter().any(is_name))
    }

    /// A page that came over plain HTTP may be anybody's, so over TLS only pages over TLS are our own. A plain port may
    /// stand behind a proxy that ends TLS.
    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let plain = origin.strip_prefix("http://").filter(|_| self.tls.is_none());
        let authority = plain.or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    }
}

/// Whether a certificate's name is this host's; `*` stands for one label.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        None => name == host,
    }
}

/// Middleware in front of every route.
pub(crate) async fn refuse_foreign(State(guard): State<Arc<HostGuard>>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = request.uri().authority().map(Authority::as_str).or(named).unwrap_or_default();
    match guard.check(request.method(), host, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => refusal(&error).into_response(),
    }
}

fn refusal(error: &ForeignRequest) -> Response {
    metrics::counter!("configbus_server_foreign_requests_total").increment(1);
    tracing::warn!("refused a request: {error}");
    let status = match error {
        ForeignRequest::Host { .. } => StatusCode::MISDIRECTED_REQUEST,
        ForeignRequest::Origin { .. } => StatusCode::FORBIDDEN,
    };
    problem::with_status(status, &Failure::new(ErrorKind::Denied, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: &str) -> HostGuard {
        HostGuard::new(listen.parse().unwrap(), &["Bus.example".into()], None)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_own_names_are_answered() {
        let guard = guard("127.0.0.1:7420");
        for host in ["localhost:7420", "127.0.0.1:7420", "[::1]:7420", "bus.example", "BUS.EXAMPLE:80", "a.localhost"] {
            assert_eq!(guard.check(&Method::GET, host, &HeaderMap::new()), Ok(()), "{host}");
        }
        for host in ["evil.example:7420", "127.0.0.1.evil.example", "", "10.0.0.1:7420", "a b"] {
            assert!(guard.check(&Method::GET, host, &HeaderMap::new()).is_err(), "{host}");
        }
    }

    #[test]
    fn beyond_loopback_a_literal_address_is_answered_and_a_name_must_be_set() {
        let guard = guard("0.0.0.0:7420");
        assert_eq!(guard.check(&Method::GET, "10.0.0.1:7420", &HeaderMap::new()), Ok(()));
        assert!(guard.check(&Method::GET, "evil.example:7420", &HeaderMap::new()).is_err());
    }

    #[test]
    fn writes_from_pages_of_other_sites_are_refused() {
        let guard = guard("127.0.0.1:7420");
        let host = "localhost:7420";
        for foreign in [
            headers(&[("origin", "http://evil.example")]),
            headers(&[("origin", "null")]),
            headers(&[("origin", "http://localhost:3000")]),
            headers(&[("sec-fetch-site", "cross-site")]),
        ] {
            assert!(guard.check(&Method::PUT, host, &foreign).is_err(), "{foreign:?}");
        }
        let own = headers(&[("origin", "http://localhost:7420"), ("sec-fetch-site", "same-origin")]);
        assert_eq!(guard.check(&Method::PUT, host, &own), Ok(()));
        assert_eq!(guard.check(&Method::POST, host, &HeaderMap::new()), Ok(()));
    }

    #[test]
    fn pages_of_other_sites_may_link_here_and_not_make_the_browser_read() {
        let guard = guard("127.0.0.1:7420");
        let read = |pairs: &[(&'static str, &str)]| guard.check(&Method::GET, "localhost:7420", &headers(pairs));
        assert_eq!(read(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]), Ok(()));
        assert!(read(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).is_err());
        assert_eq!(read(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]), Ok(()));
        assert_eq!(read(&[("origin", "http://evil.example")]), Ok(()), "programs may say what they like");
    }

    #[test]
    fn a_star_in_a_certificate_stands_for_one_label() {
        assert!(covers("bus.example", "bus.example") && covers("*.example", "bus.example"));
        for host in ["example", ".example", "a.bus.example", "bus.example.org"] {
            assert!(!covers("*.example", host), "{host}");
        }
    }
}
