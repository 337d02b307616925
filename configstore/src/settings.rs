//! Settings of the store role.

use configbus_coordination::{ZooKeeperSettings, ZooKeeperSettingsError};
use configbus_model::{CertificateRule, ErrorKind};
use configbus_proto::ReadableToken;
use configbus_transport::{ClientTlsSettings, TlsError, TlsSettings};
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// Port of a store where nothing else is set.
pub const DEFAULT_PORT: u16 = 7421;

/// Longest id: it becomes part of a ZooKeeper node's name.
const ID_BYTES_MAX: usize = 128;

/// Everything a store can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name among the stores, stable over restarts; by default the host name.
    pub id: Option<String>,
    /// Folder with the mirrors; one store at a time.
    pub data: PathBuf,
    /// Address of the one port for gRPC, metrics and health.
    pub listen: SocketAddr,
    /// URL agents reach this store at; by default made from the bound address.
    pub url: Option<String>,
    /// URL of the server that is mirrored.
    pub server: String,
    /// How the port proves itself to agents, and which of them it lets in.
    pub tls: TlsSettings,
    /// How this store proves itself to the server, and which server it believes.
    pub client_tls: ClientTlsSettings,
    /// File with the access token to give to the server; read again when it changes.
    pub token_file: Option<PathBuf>,
    /// How agents prove who they are. Must be set to listen beyond loopback, unless certificates are required.
    pub auth: Option<Auth>,
    /// Whom certificates stand for; the first rule that matches counts. Needs `tls.client_ca`.
    pub certificates: Vec<CertificateRule>,
    /// Whether every connection comes from a proxy that ends TLS.
    pub behind_tls_proxy: bool,
    /// For how long a token that the server found good is good enough while the server does not answer.
    pub verdicts_hold_s: u64,
    /// Where heads are announced and stores are registered. Without `connect` that is the server.
    pub zookeeper: ZooKeeperSettings,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: None,
            data: PathBuf::from("/var/lib/configbus/store"),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            url: None,
            server: "http://127.0.0.1:7420".to_owned(),
            tls: TlsSettings::default(),
            client_tls: ClientTlsSettings::default(),
            token_file: None,
            auth: None,
            certificates: Vec::new(),
            behind_tls_proxy: false,
            verdicts_hold_s: 24 * 60 * 60,
            zookeeper: ZooKeeperSettings::default(),
            limits: Limits::default(),
        }
    }
}

/// How agents prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// They do not: everybody who reaches the port may subscribe to everything.
    None,
    /// By access tokens, which the server judges.
    Tokens,
}

/// Bounds that keep a store alive whatever its hosts do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Hosts served at once.
    pub subscribers_max: usize,
    /// Memory for deltas that are likely to be wanted again, per namespace.
    pub delta_cache_bytes_max: usize,
    /// Packs made at once for stores that follow this one.
    pub packs_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { subscribers_max: 10_000, delta_cache_bytes_max: 256 * 1024 * 1024, packs_max: 4 }
    }
}

/// Settings a store does not start with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The id would not do as the name of a node.
    #[error("id = {id:?}, expected 1 to {ID_BYTES_MAX} letters, digits, dots, dashes and underscores")]
    Id {
        /// What was given.
        id: String,
    },
    /// Others could not reach this.
    #[error("{key} = {url:?}, expected the URL of a {role} such as {example}")]
    Url {
        /// Which setting.
        key: &'static str,
        /// What was given.
        url: String,
        /// What should be there.
        role: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// Open to the network without saying so.
    #[error(
        "listen = \"{listen}\" is beyond loopback: set auth = \"tokens\" so that agents prove who they are, auth = \
         \"none\" to serve everybody who reaches it, or listen on 127.0.0.1"
    )]
    OpenWithoutSayingSo {
        /// The address.
        listen: SocketAddr,
    },
    /// Whoever reads the network would read the tokens.
    #[error(
        "listen = \"{listen}\" is beyond loopback and tokens would travel readable: set tls.certificate and tls.key, \
         or put a proxy that ends TLS in front and set behind_tls_proxy = true, or listen on 127.0.0.1"
    )]
    TokensWithoutTls {
        /// The address.
        listen: SocketAddr,
    },
    /// The store could not have tokens judged.
    #[error("auth = \"tokens\" needs token_file: the server judges tokens for stores it knows only")]
    NoOwnToken,
    /// The token for the server would travel readable.
    #[error("token_file is set and server is plain")]
    ReadableToken(#[from] ReadableToken),
    /// Rules that would never be looked at.
    #[error(
        "certificates are listed, which needs tls.client_ca and no auth = \"none\": otherwise nobody is asked for one"
    )]
    CertificatesUnused,
    /// A bound of zero would stop the store.
    #[error("limits.{key} = 0, expected at least 1")]
    ZeroLimit {
        /// The key.
        key: &'static str,
    },
    /// ZooKeeper cannot be reached like this.
    #[error("zookeeper is wrong")]
    ZooKeeper(#[from] ZooKeeperSettingsError),
    /// The port's files cannot be used.
    #[error("tls is wrong")]
    Tls(#[source] TlsError),
    /// The files of connections to the server cannot be used.
    #[error("client_tls is wrong")]
    ClientTls(#[source] TlsError),
}

impl SettingsError {
    pub(crate) fn server(url: &str) -> Self {
        Self::Url { key: "server", url: url.to_owned(), role: "server", example: "http://127.0.0.1:7420" }
    }

    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl Settings {
    /// Refuses what must not start, without any side effect.
    pub fn check(&self) -> Result<(), SettingsError> {
        check_id(&self.id())?;
        self.check_exposure()?;
        if !is_base_url(&self.server) {
            return Err(SettingsError::server(&self.server));
        }
        if self.token_file.is_some() {
            ReadableToken::check(&self.server)?;
        }
        if let Some(url) = self.url.clone().filter(|url| !is_base_url(url)) {
            return Err(SettingsError::Url { key: "url", url, role: "store", example: "http://store-1:7421" });
        }
        self.tls.check().map_err(SettingsError::Tls)?;
        self.client_tls.check().map_err(SettingsError::ClientTls)?;
        if self.uses_zookeeper() {
            self.zookeeper.check()?;
        }
        let limits = &self.limits;
        let zero = [
            ("subscribers_max", limits.subscribers_max),
            ("delta_cache_bytes_max", limits.delta_cache_bytes_max),
            ("packs_max", limits.packs_max),
        ];
        match zero.into_iter().find(|(_, bound)| *bound == 0) {
            Some((key, _)) => Err(SettingsError::ZeroLimit { key }),
            None => Ok(()),
        }
    }

    /// Refuses to be reached from elsewhere without protection.
    fn check_exposure(&self) -> Result<(), SettingsError> {
        let listen = self.listen;
        if !self.certificates.is_empty() && (self.tls.client_ca.is_none() || self.auth == Some(Auth::None)) {
            return Err(SettingsError::CertificatesUnused);
        }
        if self.auth == Some(Auth::Tokens) && self.token_file.is_none() {
            return Err(SettingsError::NoOwnToken);
        }
        match self.auth {
            _ if listen.ip().is_loopback() => Ok(()),
            // Only who has a certificate gets as far as a connection.
            None if self.tls.require_client_certificate || !self.certificates.is_empty() => Ok(()),
            None => Err(SettingsError::OpenWithoutSayingSo { listen }),
            Some(Auth::Tokens) if !self.tls.is_set() && !self.behind_tls_proxy => {
                Err(SettingsError::TokensWithoutTls { listen })
            }
            Some(Auth::None | Auth::Tokens) => Ok(()),
        }
    }

    /// Returns the name among the stores.
    pub fn id(&self) -> String {
        self.id.clone().unwrap_or_else(configbus_runtime::host_name)
    }

    /// Returns whether coordination is ZooKeeper and not the server.
    pub fn uses_zookeeper(&self) -> bool {
        !self.zookeeper.connect.is_empty()
    }

    /// Returns the URL others reach a store at that is bound to `addr`.
    pub(crate) fn url_at(&self, addr: SocketAddr) -> String {
        let scheme = if self.tls.is_set() { "https" } else { "http" };
        match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            // "Every address" is none that others could connect to.
            None if addr.ip().is_unspecified() => {
                format!("{scheme}://{}:{}", configbus_runtime::host_name(), addr.port())
            }
            None => format!("{scheme}://{addr}"),
        }
    }
}

fn check_id(id: &str) -> Result<(), SettingsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = (1..=ID_BYTES_MAX).contains(&id.len()) && id.chars().all(allowed) && !id.starts_with('.');
    fits.then_some(()).ok_or_else(|| SettingsError::Id { id: id.chars().take(200).collect() })
}

/// Scheme, host and port, and nothing else.
fn is_base_url(url: &str) -> bool {
    url.parse().is_ok_and(|uri: tonic::codegen::http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path() == "/"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(settings: &Settings, expected: &str) {
        let error = settings.check().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn defaults_are_accepted_and_what_cannot_work_is_named() {
        Settings::default().check().unwrap();
        Settings { server: "https://bus:7420".into(), ..Settings::default() }.check().unwrap();
        check_refused(&Settings { id: Some("a/b".into()), ..Settings::default() }, "id = \"a/b\"");
        for server in ["", "bus:7420", "ftp://bus:7420", "http://bus:7420/git"] {
            check_refused(&Settings { server: server.into(), ..Settings::default() }, "server = ");
        }
        check_refused(&Settings { url: Some("store-1".into()), ..Settings::default() }, "url = \"store-1\"");
        let listen = "0.0.0.0:7421".parse().unwrap();
        check_refused(&Settings { listen, ..Settings::default() }, "is beyond loopback");
        Settings { listen, auth: Some(Auth::None), ..Settings::default() }.check().unwrap();
        let tokens = Settings { auth: Some(Auth::Tokens), ..Settings::default() };
        check_refused(&tokens, "needs token_file");
        check_refused(&Settings { listen, token_file: Some("t".into()), ..tokens }, "would travel readable");
        let with_token =
            |server: &str| Settings { server: server.into(), token_file: Some("t".into()), ..Settings::default() };
        with_token("https://bus:7420").check().unwrap();
        check_refused(&with_token("http://bus:7420"), "server is plain");
        let limits = Limits { packs_max: 0, ..Limits::default() };
        check_refused(&Settings { limits, ..Settings::default() }, "limits.packs_max = 0");
    }

    #[test]
    fn a_store_on_every_address_is_reached_by_its_host_name() {
        let settings = Settings::default();
        assert_eq!(settings.url_at("127.0.0.1:9".parse().unwrap()), "http://127.0.0.1:9");
        let url = settings.url_at("0.0.0.0:9".parse().unwrap());
        assert_eq!(url, format!("http://{}:9", configbus_runtime::host_name()));
        let settings = Settings { url: Some("http://store-1:7421/".into()), ..settings };
        assert_eq!(settings.url_at("0.0.0.0:9".parse().unwrap()), "http://store-1:7421");
    }
}
