//! How bytes travel between processes: listeners with bounds, TLS by rustls, connections to peers.
//!
//! Knows certificates and the names in them, but not what a name may do, and neither tasks nor signals: roles drive
//! the reloading. It is no part of `runtime` because `configbus-api`, which applications embed, needs it too and
//! must not drag telemetry and signals along. Read first: [`TlsSettings`], [`ListenerTls`], [`ClientTls`].
//!
//! The cryptography is `ring`: compiled in seconds by a C compiler alone. The provider is always named, never
//! installed for the process: a program that embeds a client may have chosen another one.

mod certificate;
mod client_tls;
mod fingerprint;
mod identity;
mod incoming;
mod listener_tls;
mod outgoing;
mod peer;
mod pem;
mod reloading;
mod revocation;
mod secured;
mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tls_error;
mod trust;
mod upkeep;

pub use certificate::{Certificate, CertificateName};
pub use client_tls::ClientTls;
pub use incoming::{Connection, Incoming};
pub use listener_tls::ListenerTls;
pub use outgoing::channel;
pub use peer::Peer;
pub use reloading::Reloaded;
pub use secured::TurnedAway;
pub use settings::{ClientTlsSettings, TlsSettings};
pub use tls_error::TlsError;
pub use upkeep::{CertificateWatch, LOOK_EVERY};

use rustls::crypto::CryptoProvider;
use std::sync::{Arc, LazyLock};

/// What both ends may speak, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The one provider of cryptography.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(&PROVIDER)
}
