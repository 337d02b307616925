//! Settings of the agent role.

use crate::placement::{Deliver, DeliverError, check_rules};
use configbus_model::{ErrorKind, Layout};
use configbus_proto::ReadableToken;
use configbus_transport::{ClientTlsSettings, TlsError};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tonic::codegen::http::Uri;

/// Port of an agent's local HTTP where nothing else is set.
pub const DEFAULT_PORT: u16 = 7422;

/// Longest host name: that of a DNS name.
const HOST_BYTES_MAX: usize = 253;

/// Most labels of a host.
const LABELS_MAX: usize = 64;

/// Longest key and longest value of a label.
const LABEL_BYTES_MAX: usize = 256;

/// Everything an agent can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder that readers look into; one agent at a time.
    pub root: PathBuf,
    /// URLs of stores to subscribe to; more are learned from them.
    pub stores: Vec<String>,
    /// URL of the server, which is asked for stores.
    pub server: Option<String>,
    /// How this host proves itself to stores and the server, and which of them it believes.
    pub tls: ClientTlsSettings,
    /// File with the access token to give to stores and server; read again when it changes.
    pub token_file: Option<PathBuf>,
    /// Name of this host in the fleet; by default the host name.
    pub host: Option<String>,
    /// What else describes this host.
    pub labels: BTreeMap<String, String>,
    /// How views are laid out.
    pub layout: Layout,
    /// Loopback address of status, metrics and health.
    pub listen: SocketAddr,
    /// Origins of web pages that may ask for flags, such as `https://shop.example`; `*` is every page that this host opens.
    pub allowed_origins: Vec<String>,
    /// File with the token that programs have to give to ask for flags; without it whoever reaches the port may. Read again when
    /// it changes.
    pub flags_token_file: Option<PathBuf>,
    /// Environment whose files of toggles count on this host, such as `prod`; only `/admin/toggles` looks at it.
    pub toggle_environment: Option<String>,
    /// Age after which a confirmation by the store no longer counts.
    pub fresh_for_ms: u64,
    /// Files and directories that are kept at fixed places.
    pub deliver: Vec<Deliver>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/var/lib/configbus"),
            stores: Vec::new(),
            server: None,
            tls: ClientTlsSettings::default(),
            token_file: None,
            host: None,
            labels: BTreeMap::new(),
            layout: Layout::default(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            allowed_origins: Vec::new(),
            flags_token_file: None,
            toggle_environment: None,
            fresh_for_ms: 10_000,
            deliver: Vec::new(),
        }
    }
}

/// Settings an agent does not start with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is nobody to follow.
    #[error("neither stores nor server is set: an agent needs the URL of a store or of the server")]
    NoUpstream,
    /// Not an address of a peer.
    #[error("{key} = {url:?}, expected a URL such as https://bus.example:{port}")]
    Url {
        /// Which setting.
        key: &'static str,
        /// What was given.
        url: String,
        /// The usual port there.
        port: u16,
    },
    /// The token would travel readable.
    #[error("token_file is set and {key} is plain")]
    ReadableToken {
        /// Which setting.
        key: &'static str,
        /// Why not.
        source: ReadableToken,
    },
    /// The files for TLS cannot be used.
    #[error("tls is wrong")]
    Tls(#[from] TlsError),
    /// Other machines could connect.
    #[error(
        "listen = {listen}: the agent has no authentication and listens on loopback addresses only, expected for example 127.0.0.1:{DEFAULT_PORT}"
    )]
    NotLoopback {
        /// What was given.
        listen: SocketAddr,
    },
    /// The name would not do in the fleet.
    #[error("host = {host:?}, expected 1 to {HOST_BYTES_MAX} printable bytes")]
    Host {
        /// What was given.
        host: String,
    },
    /// The labels would not do in the fleet.
    #[error("labels: at most {LABELS_MAX} are accepted, each key and value at most {LABEL_BYTES_MAX} bytes")]
    Labels,
    /// A browser would never send it.
    #[error("allowed_origins has {origin:?}, expected such as https://shop.example, without a path, or *")]
    Origin {
        /// What was given.
        origin: String,
    },
    /// A file could not be kept at its place.
    #[error("deliver is wrong")]
    Deliver(#[from] DeliverError),
    /// Nothing would ever be fresh.
    #[error("fresh_for_ms = {fresh_for_ms}, expected at least 3000: stores confirm once a second")]
    FreshFor {
        /// What was given.
        fresh_for_ms: u64,
    },
}

impl SettingsError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tls(error) => error.kind(),
            _ => ErrorKind::Invalid,
        }
    }
}

impl Settings {
    /// Refuses what must not start, without any side effect.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.stores.is_empty() && self.server.is_none() {
            return Err(SettingsError::NoUpstream);
        }
        self.stores.iter().try_for_each(|url| check_url("stores", url, 7421))?;
        self.server.iter().try_for_each(|url| check_url("server", url, 7420))?;
        self.check_token()?;
        self.tls.check()?;
        if !self.listen.ip().is_loopback() {
            return Err(SettingsError::NotLoopback { listen: self.listen });
        }
        let host = self.host();
        if host.is_empty() || host.len() > HOST_BYTES_MAX || host.chars().any(char::is_control) {
            return Err(SettingsError::Host { host: host.chars().take(HOST_BYTES_MAX).collect() });
        }
        let long = |text: &String| text.len() > LABEL_BYTES_MAX;
        if self.labels.len() > LABELS_MAX || self.labels.iter().any(|(key, value)| long(key) || long(value)) {
            return Err(SettingsError::Labels);
        }
        if let Some(origin) = self.allowed_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(SettingsError::Origin { origin: origin.clone() });
        }
        if self.fresh_for_ms < 3_000 {
            return Err(SettingsError::FreshFor { fresh_for_ms: self.fresh_for_ms });
        }
        Ok(check_rules(&self.deliver, &self.root)?)
    }

    fn check_token(&self) -> Result<(), SettingsError> {
        let urls = self.stores.iter().map(|url| ("stores", url)).chain(self.server.iter().map(|url| ("server", url)));
        let mut given = urls.filter(|_| self.token_file.is_some());
        given.try_for_each(|(key, url)| {
            ReadableToken::check(url).map_err(|source| SettingsError::ReadableToken { key, source })
        })
    }

    /// Returns the name of this host in the fleet.
    pub fn host(&self) -> String {
        self.host.clone().unwrap_or_else(configbus_runtime::host_name)
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}

fn check_url(key: &'static str, url: &str, port: u16) -> Result<(), SettingsError> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let plain = uri.filter(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none());
    match plain.as_ref().and_then(Uri::scheme_str) {
        Some("http" | "https") => Ok(()),
        _ => Err(SettingsError::Url { key, url: url.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Settings {
        Settings { stores: vec!["http://store-1:7421".into()], ..Settings::default() }
    }

    fn check_refused(settings: &Settings, expected: &str) {
        let error = settings.check().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn one_upstream_is_enough() {
        valid().check().unwrap();
        for server in ["http://[::1]:7420/", "https://bus:7420"] {
            Settings { server: Some(server.into()), ..Settings::default() }.check().unwrap();
        }
        check_refused(&Settings::default(), "neither stores nor server is set");
    }

    #[test]
    fn what_cannot_work_is_named() {
        for url in ["", "store-1", "store-1:7421", "ftp://store-1", "http://store-1/x"] {
            check_refused(&Settings { stores: vec![url.into()], ..valid() }, "expected a URL such as");
        }
        check_refused(&Settings { host: Some(String::new()), ..valid() }, "host = \"\"");
        check_refused(&Settings { labels: BTreeMap::from([("a".into(), "x".repeat(300))]), ..valid() }, "labels");
        check_refused(&Settings { fresh_for_ms: 10, ..valid() }, "fresh_for_ms = 10");
        Settings { allowed_origins: vec!["*".into(), "http://localhost:3000".into()], ..valid() }.check().unwrap();
        for origin in ["", "shop.example", "https://", "https://shop.example/", "null"] {
            check_refused(&Settings { allowed_origins: vec![origin.into()], ..valid() }, "allowed_origins has");
        }
    }

    #[test]
    fn a_token_is_for_peers_that_are_reached_over_tls() {
        let valid =
            Settings { token_file: Some("t".into()), server: Some("https://bus:7420".into()), ..Settings::default() };
        valid.check().unwrap();
        let local = Settings { stores: vec!["http://127.0.0.1:7421".into()], ..valid.clone() };
        local.check().unwrap();
        check_refused(&Settings { stores: vec!["http://store-1:7421".into()], ..valid.clone() }, "stores is plain");
        check_refused(&Settings { server: Some("http://bus:7420".into()), ..valid }, "server is plain");
    }

    #[test]
    fn only_loopback_is_listened_on() {
        check_refused(&Settings { listen: "0.0.0.0:7422".parse().unwrap(), ..valid() }, "loopback addresses only");
        Settings { listen: "[::1]:0".parse().unwrap(), ..valid() }.check().unwrap();
    }
}
