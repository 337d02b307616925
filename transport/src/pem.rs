//! PEM files, with errors that say what is wrong with which.

use crate::TlsError;
use rustix::process::geteuid;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{Error, PemObject as _},
};
use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

/// Reads every certificate of a file; there is at least one.
pub(crate) fn certificates(what: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(what, file)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsError::NoPem { file: file.to_owned(), what: "certificate", label: "CERTIFICATE" }),
        Err(error) => Err(damaged(file, &error)),
    }
}

/// Reads every revocation list of a file; there is at least one.
pub(crate) fn revocation_lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let text = read("the revocation list", file)?;
    let found = CertificateRevocationListDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsError::NoPem { file: file.to_owned(), what: "revocation list", label: "X509 CRL" }),
        Err(error) => Err(damaged(file, &error)),
    }
}

/// Reads the first private key of a file.
pub(crate) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read("the key", file)?;
    if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        return Err(TlsError::EncryptedKey { file: file.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoPem { file: file.to_owned(), what: "private key", label: "PRIVATE KEY" },
        error => damaged(file, &error),
    })
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn read(what: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| {
        let hint = match source.kind() {
            io::ErrorKind::PermissionDenied => permissions(file),
            _ => String::new(),
        };
        TlsError::Read { what, file: file.to_owned(), hint, source }
    })
}

/// Says whom the file lets in and who we are.
fn permissions(file: &Path) -> String {
    let Ok(found) = fs::metadata(file) else { return format!(" as user {}", geteuid().as_raw()) };
    let mode = found.permissions().mode() & 0o7777;
    format!(" (mode {mode:04o}, owner {}:{}) as user {}", found.uid(), found.gid(), geteuid().as_raw())
}

fn damaged(file: &Path, error: &Error) -> TlsError {
    let reason = match error {
        Error::MissingSectionEnd { end_marker } => {
            format!("the line {} is missing", String::from_utf8_lossy(end_marker).trim())
        }
        Error::IllegalSectionStart { line } => {
            format!("the line {:?} begins no section", String::from_utf8_lossy(line).trim())
        }
        Error::Base64Decode(reason) => format!("no base64: {reason}"),
        _ => "a section cannot be read".to_owned(),
    };
    TlsError::Damaged { file: file.to_owned(), reason }
}
