//! What a client may be told.

use configbus_proto::Bearer;
use configbus_transport::ClientTlsSettings;
use std::time::Duration;

/// Options of a [`Client`](crate::Client).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// URLs of servers, tried in turn: `http://host:port` or `https://host:port`.
    pub servers: Vec<String>,
    /// Which servers are believed over TLS, and what this client proves itself with.
    pub tls: ClientTlsSettings,
    /// What proves to them who asks. An access token is sent over `https` and to loopback only.
    pub bearer: Bearer,
    /// Longest time one call may take, attempts and pauses included.
    pub deadline: Duration,
    /// Longest time one attempt of a read may take, so that a server that hangs leaves time for the next one.
    pub attempt_deadline: Duration,
    /// Most attempts of one call.
    pub attempts_max: u32,
    /// First pause before trying again; it doubles, with jitter.
    pub pause_min: Duration,
    /// Longest pause before trying again.
    pub pause_max: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            servers: vec!["http://127.0.0.1:7420".to_owned()],
            tls: ClientTlsSettings::default(),
            bearer: Bearer::default(),
            deadline: Duration::from_secs(30),
            attempt_deadline: Duration::from_secs(10),
            attempts_max: 5,
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(2),
        }
    }
}

impl ClientSettings {
    /// Returns the defaults for servers given as URLs separated by commas.
    pub fn for_servers(urls: &str) -> Self {
        let servers = urls.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned).collect();
        Self { servers, ..Self::default() }
    }
}
