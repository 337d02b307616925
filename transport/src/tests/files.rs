//! Files that are right, wrong, and replaced.

use crate::{
    CertificateName, ClientTls, ListenerTls, Reloaded, TlsSettings,
    testing::{Authority, Validity},
};
use std::fs;

fn check_refused(settings: &TlsSettings, expected: &str) {
    let error = settings.check().unwrap_err().to_string();
    assert!(error.contains(expected), "{error:?} lacks {expected:?}");
}

#[test]
fn a_pair_is_loaded_with_its_names() {
    let authority = Authority::new("ca");
    let served = authority.issue("bus", &["Bus.example", "spiffe://prod/server"]).served();
    let listener = ListenerTls::open(&served).unwrap().unwrap();
    let certificate = listener.certificate();
    assert_eq!(certificate.subject, "CN=bus");
    let names = [CertificateName::Dns("bus.example".into()), CertificateName::Uri("spiffe://prod/server".into())];
    assert_eq!(certificate.names, names);
    assert!(certificate.is_valid_at(std::time::SystemTime::now()));
    assert!(ListenerTls::open(&TlsSettings::default()).unwrap().is_none());
}

#[test]
fn what_is_wrong_is_named_with_its_file() {
    let authority = Authority::new("ca");
    let good = authority.issue("bus", &["localhost"]).served();
    let other = authority.issue("other", &["localhost"]);
    let file = |name: &str, text: &str| {
        let file = authority.folder().join(name);
        fs::write(&file, text).unwrap();
        Some(file)
    };
    let no_such = Some(authority.folder().join("absent.pem"));
    check_refused(&TlsSettings { key: None, ..good.clone() }, "certificate is set and key is not");
    check_refused(&TlsSettings { certificate: None, ..good.clone() }, "key is set and certificate is not");
    check_refused(&TlsSettings { require_client_certificate: true, ..good.clone() }, "client_ca is not");
    let list = || vec![authority.revoke(&[])];
    check_refused(&TlsSettings { client_crl: list(), ..good.clone() }, "client_crl is set and client_ca is not");
    let with_ca = TlsSettings { client_ca: Some(authority.file()), ..good.clone() };
    TlsSettings { client_crl: list(), ..with_ca.clone() }.check().unwrap();
    let no_list = vec![authority.file()];
    check_refused(&TlsSettings { client_crl: no_list, ..with_ca.clone() }, "ca.pem holds no revocation list");
    let broken = file("broken.crl", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").into_iter().collect();
    check_refused(&TlsSettings { client_crl: broken, ..with_ca }, "broken.crl is damaged");
    check_refused(&TlsSettings { client_ca: Some(authority.file()), ..TlsSettings::default() }, "certificate is not");
    check_refused(&TlsSettings { certificate: no_such, ..good.clone() }, "failed to read the certificate");
    check_refused(&TlsSettings { key: Some(other.key.clone()), ..good.clone() }, "other.key does not belong to the");
    check_refused(&TlsSettings { key: file("text.key", "hello"), ..good.clone() }, "text.key holds no private key");
    check_refused(&TlsSettings { key: Some(other.certificate), ..good.clone() }, "other.pem holds no private key");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    check_refused(&TlsSettings { key: file("locked.key", encrypted), ..good.clone() }, "locked.key is encrypted");
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    check_refused(&TlsSettings { certificate: file("cut.pem", cut), ..good.clone() }, "cut.pem is damaged");
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check_refused(&TlsSettings { certificate: file("e.pem", empty), ..good.clone() }, "e.pem is damaged");
    check_refused(&TlsSettings { client_ca: file("no-ca.pem", ""), ..good }, "no-ca.pem holds no certificate");
    let expired = authority.issue_for("late", &["localhost"], Validity::Expired).served();
    check_refused(&expired, "late.pem (CN=late) expired at 2020-02-01T00:00:00Z");
    let early = authority.issue_for("early", &["localhost"], Validity::Future).served();
    check_refused(&early, "early.pem (CN=early) is valid from 2999-01-01T00:00:00Z on");
}

#[test]
fn an_expired_client_certificate_keeps_no_host_from_starting() {
    let authority = Authority::new("ca");
    let late = authority.issue_for("host", &["spiffe://prod/agent/1"], Validity::Expired);
    let mut settings = authority.believed();
    (settings.certificate, settings.key) = (Some(late.certificate), Some(late.key));
    let client = ClientTls::open(&settings).unwrap();
    assert_eq!(client.certificate().unwrap().subject, "CN=host");
}

#[test]
fn new_files_are_taken_and_broken_ones_are_not() {
    let authority = Authority::new("ca");
    let issued = authority.issue("bus", &["one.example"]);
    let listener = ListenerTls::open(&issued.served()).unwrap().unwrap();
    assert!(matches!(listener.reload(), Reloaded::Unchanged));

    let key = fs::read(&issued.key).unwrap();
    authority.issue("bus", &["two.example"]);
    let new_key = fs::read(&issued.key).unwrap();
    fs::write(&issued.key, key).unwrap();
    assert!(matches!(listener.reload(), Reloaded::Refused(_)), "half of a new pair");
    assert!(matches!(listener.reload(), Reloaded::StillRefused));
    assert_eq!(listener.certificate().names[0].as_str(), "one.example");

    fs::write(&issued.key, new_key).unwrap();
    assert!(matches!(listener.reload(), Reloaded::Changed));
    assert_eq!(listener.certificate().names[0].as_str(), "two.example");

    fs::remove_file(&issued.key).unwrap();
    assert!(matches!(listener.reload(), Reloaded::Refused(_)));
    assert_eq!(listener.certificate().names[0].as_str(), "two.example");
}
