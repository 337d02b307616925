//! The servers a client knows, and which one it speaks to.

use crate::{ApiError, ClientSettings};
use configbus_transport::{ClientTls, TurnedAway, channel};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tonic::transport::{Channel, Endpoint};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Pings find a server that vanished without closing the connection while a watch waits for it.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Servers {
    urls: Vec<String>,
    channels: Vec<Channel>,
    tls: ClientTls,
    /// Index of the server that answered last; calls start there.
    preferred: AtomicUsize,
}

impl Servers {
    /// Parses the URLs; connects when the first call is made. Must be called within a tokio runtime.
    pub(crate) fn new(settings: &ClientSettings) -> Result<Self, ApiError> {
        if settings.servers.is_empty() {
            return Err(ApiError::BadUrl { url: String::new(), reason: "no server is given".to_owned() });
        }
        let urls = settings.servers.iter().map(|url| normalised(url)).collect::<Result<Vec<_>, _>>()?;
        urls.iter().try_for_each(|url| settings.bearer.check_way(url))?;
        let tls = ClientTls::open(&settings.tls).map_err(|source| ApiError::Tls { source: Box::new(source) })?;
        let connect = |url: &String| Ok(channel(&endpoint(url)?, &tls));
        let channels = urls.iter().map(connect).collect::<Result<_, ApiError>>()?;
        Ok(Self { urls, channels, tls, preferred: AtomicUsize::new(0) })
    }

    /// Returns the URLs for messages.
    pub(crate) fn described(&self) -> String {
        self.urls.join(", ")
    }

    /// Returns why the server that was asked last wants nothing of this client.
    pub(crate) fn turned_away(&self) -> Option<TurnedAway> {
        self.tls.turned_away()
    }

    /// Returns the server to ask: its number for [`Self::give_up_on`], its URL and the connection.
    pub(crate) fn preferred(&self) -> (usize, &str, Channel) {
        let index = self.preferred.load(Ordering::Relaxed);
        (index, &self.urls[index], self.channels[index].clone())
    }

    /// Turns to the next server, unless another call has done so already.
    pub(crate) fn give_up_on(&self, index: usize) {
        let next = (index + 1) % self.channels.len();
        // Relaxed: the number carries no other data.
        let _ = self.preferred.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn normalised(url: &str) -> Result<String, ApiError> {
    let bad = |reason: &str| ApiError::BadUrl { url: url.to_owned(), reason: reason.to_owned() };
    let trimmed = url.trim();
    let (scheme, authority) = match trimmed.split_once("://") {
        Some((scheme @ ("http" | "https"), authority)) => (scheme, authority.trim_end_matches('/')),
        Some(_) => return Err(bad("expected http://host:port or https://host:port")),
        None => ("http", trimmed.trim_end_matches('/')),
    };
    match authority {
        "" => Err(bad("it has no host")),
        _ if authority.contains(['/', '?', '#', '@', ' ']) => {
            Err(bad("expected scheme, host and port and nothing else"))
        }
        _ if !has_usable_port(authority) => Err(bad("its port is not a number from 1 to 65535")),
        _ => Ok(format!("{scheme}://{authority}")),
    }
}

/// A port may be missing; one that is there is a number.
fn has_usable_port(authority: &str) -> bool {
    match authority.rsplit_once(':') {
        Some((_, port)) if !authority.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    }
}

fn endpoint(url: &str) -> Result<Endpoint, ApiError> {
    let parsed = Endpoint::from_shared(url.to_owned());
    let endpoint = parsed.map_err(|error| ApiError::BadUrl { url: url.to_owned(), reason: error.to_string() })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_anything_is_sent() {
        assert_eq!(normalised("localhost:7420/").unwrap(), "http://localhost:7420");
        assert_eq!(normalised("http://[::1]:7420").unwrap(), "http://[::1]:7420");
        assert_eq!(normalised("[::1]").unwrap(), "http://[::1]");
        for wrong in ["", "http://", "ftp://a", "http://a/git/main.git", "http://user@a", "a:http", "a:0", "[::1]:x"] {
            assert!(matches!(normalised(wrong), Err(ApiError::BadUrl { .. })), "{wrong:?}");
        }
        assert_eq!(normalised("https://a:7420/").unwrap(), "https://a:7420");
    }
}
