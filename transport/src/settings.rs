//! What a process is told about TLS.

use crate::{ClientTls, ListenerTls, TlsError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a port proves itself and whom it lets in. Plain without a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM file with the certificate of this port, followed by intermediate ones.
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    pub key: Option<PathBuf>,
    /// PEM file with the authorities that issue certificates of clients.
    pub client_ca: Option<PathBuf>,
    /// PEM files with the lists of certificates that these authorities have revoked. With any, each authority of a client's
    /// chain needs one: a certificate that nobody can say of whether it is revoked is refused.
    pub client_crl: Vec<PathBuf>,
    /// Whether who has no certificate is turned away at once.
    pub require_client_certificate: bool,
}

impl TlsSettings {
    /// Returns whether the port speaks TLS.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Refuses what contradicts itself or cannot be loaded.
    pub fn check(&self) -> Result<(), TlsError> {
        ListenerTls::open(self).map(drop)
    }
}

/// How a process proves itself to servers and stores, and which of them it believes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTlsSettings {
    /// PEM file with the authorities that are believed, and no others; without it those of the system.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate to present, followed by intermediate ones.
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    pub key: Option<PathBuf>,
}

impl ClientTlsSettings {
    /// Refuses what contradicts itself or cannot be loaded.
    pub fn check(&self) -> Result<(), TlsError> {
        ClientTls::open(self).map(drop)
    }
}

/// Two settings of which each needs the other.
pub(crate) fn pair<'a>(
    certificate: &'a Option<PathBuf>,
    key: &'a Option<PathBuf>,
) -> Result<Option<(&'a PathBuf, &'a PathBuf)>, TlsError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(TlsError::Incomplete { given: "certificate", missing: "key" }),
        (None, Some(_)) => Err(TlsError::Incomplete { given: "key", missing: "certificate" }),
    }
}
