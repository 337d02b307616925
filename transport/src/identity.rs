//! A certificate with its key.

use crate::{Certificate, TlsError, pem, provider};
use rustls::{Error, InconsistentKeys, sign::CertifiedKey};
use std::{path::Path, sync::Arc, time::SystemTime};

/// What one end proves itself with.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) certificate: Certificate,
}

impl Identity {
    /// Reads a pair that belongs together.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = pem::certificates("the certificate", certificate)?;
        let unreadable = |error: x509_cert::der::Error| TlsError::Damaged {
            file: certificate.to_owned(),
            reason: format!("the first certificate cannot be read: {error}"),
        };
        let described = Certificate::parse(&chain[0]).map_err(unreadable)?;
        let certified = CertifiedKey::from_der(chain, pem::key(key)?, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::KeyMismatch { key: key.to_owned(), certificate: certificate.to_owned() }
            }
            source => TlsError::UnusableKey { file: key.to_owned(), source },
        })?;
        Ok(Self { certified: Arc::new(certified), certificate: described })
    }

    /// Refuses a certificate that nobody would accept now.
    pub(crate) fn check_valid(&self, file: &Path, now: SystemTime) -> Result<(), TlsError> {
        let Certificate { subject, not_before, not_after, .. } = &self.certificate;
        let (file, subject) = (file.to_owned(), subject.clone());
        if now > *not_after {
            return Err(TlsError::Expired { file, subject, at: self.certificate.not_after_text.clone() });
        }
        if now < *not_before {
            return Err(TlsError::NotYetValid { file, subject, from: self.certificate.not_before_text.clone() });
        }
        Ok(())
    }
}
