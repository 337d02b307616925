//! What a certificate says.

use rustls::pki_types::CertificateDer;
use std::{fmt, time::SystemTime};
use x509_cert::{
    Certificate as X509,
    der::{Decode as _, Error},
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// A name that an authority vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateName {
    /// A DNS name, in lower case; its first label may be `*`.
    Dns(String),
    /// A URI such as `spiffe://prod/agent/host-1`.
    Uri(String),
}

impl CertificateName {
    /// Returns the name itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns(name) | Self::Uri(name) => name,
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who a certificate is for, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Subject, for people.
    pub subject: String,
    /// Alternative names: DNS names and URIs, in their order.
    pub names: Vec<CertificateName>,
    /// First moment of validity.
    pub not_before: SystemTime,
    /// Last moment of validity.
    pub not_after: SystemTime,
    pub(crate) not_before_text: String,
    pub(crate) not_after_text: String,
}

impl Certificate {
    /// Reads one; whether it can be trusted is for others to say.
    pub(crate) fn parse(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let parsed = X509::from_der(certificate)?.tbs_certificate;
        let alternative = parsed.get::<SubjectAltName>()?;
        let names = alternative.iter().flat_map(|(_, names)| &names.0).filter_map(name);
        let validity = parsed.validity;
        Ok(Self {
            subject: parsed.subject.to_string(),
            names: names.collect(),
            not_before: validity.not_before.to_system_time(),
            not_after: validity.not_after.to_system_time(),
            not_before_text: validity.not_before.to_string(),
            not_after_text: validity.not_after.to_string(),
        })
    }

    /// Returns whether it can be used now.
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

fn name(general: &GeneralName) -> Option<CertificateName> {
    match general {
        GeneralName::DnsName(name) => Some(CertificateName::Dns(name.as_str().to_ascii_lowercase())),
        GeneralName::UniformResourceIdentifier(uri) => Some(CertificateName::Uri(uri.as_str().to_owned())),
        _ => None,
    }
}
