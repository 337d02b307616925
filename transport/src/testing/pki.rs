//! A certificate authority for tests.

use crate::{ClientTlsSettings, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

/// An authority with a folder for what it issues.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    serial: SerialNumber,
}

/// No two certificates of a test process have the same number.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// Until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Longer than any test takes.
    Now,
    /// It was.
    Expired,
    /// It will be.
    Future,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.file().display())
    }
}

impl Authority {
    /// Makes one.
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("an authority can be made");
        let folder = TempDir::with_prefix("pki-").expect("a temporary folder can be made");
        write(&folder.path().join("ca.pem"), &issuer.pem());
        Self { issuer, folder }
    }

    /// Returns the folder of everything it issues.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for host names, addresses and URIs; the files of the same name are replaced.
    pub fn issue(&self, name: &str, names: &[&str]) -> Issued {
        self.issue_for(name, names, Validity::Now)
    }

    /// Issues one that is valid at some time.
    pub fn issue_for(&self, name: &str, names: &[&str], validity: Validity) -> Issued {
        let mut params = params(name, names);
        match validity {
            Validity::Now => {}
            Validity::Expired => {
                (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
            }
            Validity::Future => params.not_before = date_time_ymd(2999, 1, 1),
        }
        let at = |end: &str| self.folder.path().join(format!("{name}{end}"));
        let serial = SerialNumber::from(SERIAL.fetch_add(1, Ordering::Relaxed));
        params.serial_number = Some(serial.clone());
        let (key, issued) = (key(), Issued { certificate: at(".pem"), key: at(".key"), serial });
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        write(&issued.certificate, &certificate.pem());
        write(&issued.key, &key.serialize_pem());
        issued
    }

    /// Writes the list of the certificates that are revoked, and returns its file.
    pub fn revoke(&self, revoked: &[&Issued]) -> PathBuf {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(SERIAL.fetch_add(1, Ordering::Relaxed)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("a list can be signed");
        let file = self.folder.path().join("revoked.pem");
        write(&file, &list.pem().expect("a list can be written"));
        file
    }

    /// Returns settings of a client that believes this authority alone.
    pub fn believed(&self) -> ClientTlsSettings {
        ClientTlsSettings { ca: Some(self.file()), ..ClientTlsSettings::default() }
    }

    /// Returns settings of a client that believes this authority alone and presents a certificate.
    pub fn believed_by(&self, client: &Issued) -> ClientTlsSettings {
        let (certificate, key) = (Some(client.certificate.clone()), Some(client.key.clone()));
        ClientTlsSettings { certificate, key, ..self.believed() }
    }
}

impl Issued {
    /// Returns settings of a port that presents it.
    pub fn served(&self) -> TlsSettings {
        let (certificate, key) = (Some(self.certificate.clone()), Some(self.key.clone()));
        TlsSettings { certificate, key, ..TlsSettings::default() }
    }

    /// Returns both files as environment variables.
    pub fn variables(&self, prefix: &str) -> Vec<(String, String)> {
        let variable = |key: &str, file: &Path| (format!("{prefix}_{key}"), file.display().to_string());
        vec![variable("CERTIFICATE", &self.certificate), variable("KEY", &self.key)]
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
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
        Err(_) if name.contains("://") => SanType::URI(name.try_into().expect("a URI is ASCII")),
        Err(_) => SanType::DnsName(name.try_into().expect("a host name is ASCII")),
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("a file can be written");
}
