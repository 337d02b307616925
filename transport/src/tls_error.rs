//! Why TLS cannot be set up. Every text names the file and what to mend.

use configbus_model::ErrorKind;
use std::{io, path::PathBuf};

/// Files or settings that do not make a TLS end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// One half of something.
    #[error("{given} is set and {missing} is not")]
    Incomplete {
        /// The key that is set.
        given: &'static str,
        /// The key that it needs.
        missing: &'static str,
    },
    /// The file cannot be read.
    #[error("failed to read {what} {}{hint}", file.display())]
    Read {
        /// What should be in it.
        what: &'static str,
        /// Which.
        file: PathBuf,
        /// Mode, owner and reader where permissions are the reason.
        hint: String,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} holds no {what} in PEM form, expected a line -----BEGIN {label}-----", file.display())]
    NoPem {
        /// Which.
        file: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// The PEM label that was looked for.
        label: &'static str,
    },
    /// The PEM form is broken.
    #[error("{} is damaged: {reason}", file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// The key needs a pass phrase.
    #[error("the key {} is encrypted: nobody is there to type the pass phrase, store it decrypted with mode 0600", file.display())]
    EncryptedKey {
        /// Which.
        file: PathBuf,
    },
    /// The key is of a kind that is not supported.
    #[error("the key {} cannot be used, expected ECDSA P-256 or P-384, Ed25519 or RSA of 2048 bits and more", file.display())]
    UnusableKey {
        /// Which.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Key and certificate are no pair.
    #[error("the key {} does not belong to the certificate {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The key.
        key: PathBuf,
        /// The certificate.
        certificate: PathBuf,
    },
    /// Nobody accepts it any more.
    #[error("the certificate {} ({subject}) expired at {at}", file.display())]
    Expired {
        /// Which.
        file: PathBuf,
        /// Whose.
        subject: String,
        /// When.
        at: String,
    },
    /// Nobody accepts it yet.
    #[error("the certificate {} ({subject}) is valid from {from} on; is the clock right?", file.display())]
    NotYetValid {
        /// Which.
        file: PathBuf,
        /// Whose.
        subject: String,
        /// When.
        from: String,
    },
    /// A certificate that cannot vouch for others.
    #[error("{} cannot be used as a certificate authority", file.display())]
    Authority {
        /// Which.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The system trusts nobody.
    #[error("this system has no certificate authorities, set ca to the file of one{}", reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default())]
    NoSystemAuthorities {
        /// Why, where the system says.
        reason: Option<String>,
    },
    /// The library refuses.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
    /// Callers cannot be checked.
    #[error("certificates of clients cannot be checked against {}", file.display())]
    Verifier {
        /// The authorities.
        file: PathBuf,
        /// Why.
        source: rustls::server::VerifierBuilderError,
    },
}

impl TlsError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Library(_) => ErrorKind::Internal,
            _ => ErrorKind::Invalid,
        }
    }
}
