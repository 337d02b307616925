//! Authorities that are believed.
//!
//! A file that is named replaces those of the system, as with `curl --cacert`: a bus with an authority of its own has
//! no reason to believe a hundred others. Without one the system's are taken, so that a certificate everybody accepts
//! needs no setting; roots compiled into the program were the alternative, and age with it.

use crate::{TlsError, pem};
use rustls::RootCertStore;
use std::path::Path;

/// Reads the authorities in a file.
pub(crate) fn from_file(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates("the certificate authorities", file)? {
        roots.add(certificate).map_err(|source| TlsError::Authority { file: file.to_owned(), source })?;
    }
    Ok(roots)
}

/// Reads the authorities of the system.
pub(crate) fn of_system() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry a few certificates that no library accepts; the others count.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    Err(TlsError::NoSystemAuthorities { reason: found.errors.first().map(ToString::to_string) })
}
