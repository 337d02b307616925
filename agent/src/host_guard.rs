//! Against pages in a browser that point their own name at this host: only loopback names are answered.

use axum::{
    extract::Request,
    http::{StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// Answers 421 to a request that was meant for another host.
pub(crate) async fn refuse_foreign_hosts(request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(Authority::as_str));
    match named {
        Some(host) if is_loopback(host) => next.run(request).await,
        _ => {
            let answer = "this agent answers to localhost and loopback addresses only\n";
            (StatusCode::MISDIRECTED_REQUEST, answer).into_response()
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_host_pass() {
        for host in ["localhost", "LOCALHOST:7422", "127.0.0.1:7422", "127.9.9.9", "[::1]:80", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "192.168.0.1", "127.0.0.1@evil.example", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
