//! Lists of certificates that their authorities have revoked.
//!
//! A list whose time is over is used as it is: refusing everybody because a publisher is late would take the bus away
//! from those who have done nothing. When lists are due is a metric instead.

use crate::{TlsError, pem};
use rustls::pki_types::CertificateRevocationListDer;
use std::{path::PathBuf, time::SystemTime};
use x509_cert::{crl::CertificateList, der::Decode as _};

/// What the lists of a port say.
pub(crate) struct RevocationLists {
    pub(crate) lists: Vec<CertificateRevocationListDer<'static>>,
    /// When the first of them should be replaced.
    pub(crate) due: Option<SystemTime>,
}

impl RevocationLists {
    /// Reads every list in some files.
    pub(crate) fn load(files: &[PathBuf]) -> Result<Self, TlsError> {
        let (mut lists, mut due) = (Vec::new(), None::<SystemTime>);
        for file in files {
            for list in pem::revocation_lists(file)? {
                let damaged = |error| TlsError::Damaged {
                    file: file.clone(),
                    reason: format!("a revocation list cannot be read: {error}"),
                };
                let parsed = CertificateList::from_der(&list).map_err(damaged)?;
                let next = parsed.tbs_cert_list.next_update.map(|time| time.to_system_time());
                due = due.into_iter().chain(next).min();
                if next.is_some_and(|next| next < SystemTime::now()) {
                    let file = file.display();
                    tracing::warn!("the revocation list {file} should have been replaced by now and is used as it is");
                }
                lists.push(list);
            }
        }
        Ok(Self { lists, due })
    }
}
