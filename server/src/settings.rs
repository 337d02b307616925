//! Settings of the server role.

use crate::audit::AuditSettings;
use crate::limits::Limits;
use axum::http::Uri;
use configbus_coordination::{ZooKeeperSettings, ZooKeeperSettingsError};
use configbus_hooks::{Gate, GateSettings, ValidatorSettings, ValidatorSettingsError};
use configbus_model::{Bound, BoundError, CertificateRule, ErrorKind};
use configbus_transport::{TlsError, TlsSettings};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Port of a server where nothing else is set.
pub const DEFAULT_PORT: u16 = 7420;

/// How callers prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// They do not: everybody who reaches the port may read and write.
    None,
    /// By access tokens, over Bearer or as the password of Basic, or by certificates that `certificates` knows.
    Tokens,
}

/// Everything a server can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder with repositories and state; one server at a time.
    pub data: PathBuf,
    /// Address of the one port for Git, gRPC, REST, metrics and the status page.
    pub listen: SocketAddr,
    /// How the port proves itself, and whose certificates it looks at.
    pub tls: TlsSettings,
    /// URL others reach this server at; by default made from the bound address.
    pub url: Option<String>,
    /// Name in coordination; by default the host name.
    pub id: Option<String>,
    /// Must be set to listen beyond loopback.
    pub auth: Option<Auth>,
    /// Whom certificates stand for; the first rule that matches counts. Needs `tls.client_ca`.
    pub certificates: Vec<CertificateRule>,
    /// Whether every connection comes from a proxy on the same machine or network that ends TLS, and says in
    /// `X-Forwarded-For` for whom.
    pub behind_tls_proxy: bool,
    /// Who did what.
    pub audit: AuditSettings,
    /// Names beside localhost that requests may carry in `Host`.
    pub host_names: Vec<String>,
    /// Program that Git runs as hook; by default the running one.
    pub hook_program: Option<PathBuf>,
    /// Bounds on what a change may contain.
    pub gate: GateSettings,
    /// Programs of the installation that have a say in what a change may contain.
    pub validators: Vec<ValidatorSettings>,
    /// Coordination through ZooKeeper; embedded when `connect` is empty.
    pub zookeeper: ZooKeeperSettings,
    /// Bounds on requests.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/configbus/server"),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            tls: TlsSettings::default(),
            url: None,
            id: None,
            auth: None,
            certificates: Vec::new(),
            behind_tls_proxy: false,
            audit: AuditSettings::default(),
            host_names: Vec::new(),
            hook_program: None,
            gate: GateSettings::default(),
            validators: Vec::new(),
            zookeeper: ZooKeeperSettings::default(),
            limits: Limits::default(),
        }
    }
}

/// Settings that contradict each other or the safety of the bus.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Open to the network without saying so.
    #[error(
        "listen = \"{listen}\" is beyond loopback: set auth = \"tokens\" so that callers prove who they are, auth = \
         \"none\" to let everybody who reaches it read and write, or listen on 127.0.0.1"
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
    /// Rules that would never be looked at.
    #[error("certificates are listed, which needs {missing}: otherwise nobody is asked for one")]
    CertificatesWithout {
        /// The setting that is missing.
        missing: &'static str,
    },
    /// Zero would stop the server.
    #[error("{key} = 0, expected at least 1")]
    Zero {
        /// The key.
        key: &'static str,
    },
    /// The port's files cannot be used.
    #[error("settings under tls are wrong")]
    Tls(#[from] TlsError),
    /// A bound cannot hold.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// A validator cannot be run as it is described.
    #[error("settings under validators are wrong")]
    Validator(#[from] ValidatorSettingsError),
    /// ZooKeeper cannot be reached like that.
    #[error("settings under zookeeper are wrong")]
    ZooKeeper(#[from] ZooKeeperSettingsError),
}

impl SettingsError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    /// Returns the number that is out of its range, by its setting, where it is one.
    pub const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Bound(error) => Some(error.key()),
            Self::Zero { key } => Some(key),
            _ => None,
        }
    }
}

impl Settings {
    /// Returns every bound on what a candidate or a request may be, with its key. Those of a validator are its own.
    pub fn bounds(&self) -> Vec<Bound> {
        self.gate.bounds().into_iter().chain(self.limits.bounds()).collect()
    }

    /// Refuses what must not start.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.check_exposure()?;
        self.tls.check()?;
        self.check_certificates()?;
        if !self.zookeeper.connect.is_empty() {
            self.zookeeper.check()?;
        }
        self.gate()?;
        self.limits.check()?;
        match (self.audit.bytes_max, self.audit.files_max) {
            (0, _) => Err(SettingsError::Zero { key: "audit.bytes_max" }),
            (_, 0) => Err(SettingsError::Zero { key: "audit.files_max" }),
            _ => Ok(()),
        }
    }

    /// Refuses to be reached from elsewhere without protection.
    fn check_exposure(&self) -> Result<(), SettingsError> {
        let listen = self.listen;
        match self.auth {
            _ if listen.ip().is_loopback() => Ok(()),
            None => Err(SettingsError::OpenWithoutSayingSo { listen }),
            Some(Auth::Tokens) if !self.tls.is_set() && !self.behind_tls_proxy => {
                Err(SettingsError::TokensWithoutTls { listen })
            }
            Some(Auth::None | Auth::Tokens) => Ok(()),
        }
    }

    fn check_certificates(&self) -> Result<(), SettingsError> {
        let missing = match (self.auth, &self.tls.client_ca) {
            _ if self.certificates.is_empty() => return Ok(()),
            (_, None) => "tls.client_ca",
            (None | Some(Auth::None), _) => "auth = \"tokens\"",
            (Some(Auth::Tokens), Some(_)) => return Ok(()),
        };
        Err(SettingsError::CertificatesWithout { missing })
    }

    /// Makes the gate. Its children are the program that runs as hook.
    pub(crate) fn gate(&self) -> Result<Gate, SettingsError> {
        let settings = GateSettings { child_program: self.hook_program.clone(), ..self.gate.clone() };
        Ok(Gate::new(settings)?.with_validators(self.validators.clone())?)
    }

    /// Returns the names that requests may carry in `Host`: the configured ones and that of the URL others are told.
    pub(crate) fn known_host_names(&self, url: &str) -> Vec<String> {
        let of_url = url.parse::<Uri>().ok();
        let of_url = of_url.as_ref().and_then(|url| url.host()).map(str::to_owned);
        self.host_names.iter().cloned().chain(of_url).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_needs_a_word() {
        let mut settings = Settings { listen: "0.0.0.0:7420".parse().unwrap(), ..Settings::default() };
        assert!(matches!(settings.check(), Err(SettingsError::OpenWithoutSayingSo { .. })));
        settings.auth = Some(Auth::Tokens);
        assert!(matches!(settings.check(), Err(SettingsError::TokensWithoutTls { .. })));
        settings.behind_tls_proxy = true;
        settings.check().unwrap();
        settings.auth = Some(Auth::None);
        settings.check().unwrap();
        Settings::default().check().unwrap();
    }
}
