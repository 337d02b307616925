//! Who is at the other end of a connection.

use crate::Certificate;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

/// The other end. The certificate is there once the handshake is over, so before the first request.
#[derive(Debug, Clone)]
pub struct Peer {
    address: SocketAddr,
    certificate: Arc<OnceLock<Certificate>>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, certificate: Arc::default() }
    }

    pub(crate) fn present(&self, certificate: Certificate) {
        // A connection has one handshake.
        let _ = self.certificate.set(certificate);
    }

    /// Returns where it connects from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the certificate it proved to own, issued by one of our authorities.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.get()
    }
}
