//! A certificate authority for tests.

use crate::{ClientTlsSettings, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// An authority with a folder for what it issues.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// Files of one issued certificate.
pub(super) struct Issued {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Until when a certificate is valid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    Now,
    Expired,
    Future,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate; issuing again under the same name replaces the files.
    pub(super) fn issue(&self, name: &str, names: &[&str], validity: Validity) -> Issued {
        let mut params = params(name, names);
        match validity {
            Validity::Now => {}
            Validity::Expired => {
                (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
            }
            Validity::Future => params.not_before = date_time_ymd(2999, 1, 1),
        }
        let pair = KeyPair::generate().unwrap();
        let issued = self.files(name);
        fs::write(&issued.certificate, params.signed_by(&pair, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&issued.key, pair.serialize_pem()).unwrap();
        issued
    }

    fn files(&self, name: &str) -> Issued {
        let file = |end: &str| self.folder.path().join(format!("{name}{end}"));
        Issued { certificate: file(".pem"), key: file(".key") }
    }

    /// Returns settings of a client that believes this authority alone.
    pub(super) fn believed(&self) -> ClientTlsSettings {
        ClientTlsSettings { ca: Some(self.file()), ..ClientTlsSettings::default() }
    }
}

impl Issued {
    pub(super) fn served(&self) -> TlsSettings {
        let (certificate, key) = (Some(self.certificate.clone()), Some(self.key.clone()));
        TlsSettings { certificate, key, ..TlsSettings::default() }
    }
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names.iter().map(|name| alternative(name)).collect();
    params
}

fn alternative(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) if name.contains("://") => SanType::URI(name.try_into().unwrap()),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}
