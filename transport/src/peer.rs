//! Who is at the other end of a connection.

use crate::{Certificate, ListenerTls};
use rustls::pki_types::CertificateDer;
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

/// How often the clock is looked at while a certificate is waited for: the clock of a machine may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The other end. The certificate is there once the handshake is over, so before the first request.
#[derive(Debug, Clone)]
pub struct Peer {
    address: SocketAddr,
    presented: Arc<OnceLock<Presented>>,
}

/// A certificate that was accepted in a handshake. Connections outlive what made them right, so it is judged again.
pub(crate) struct Presented {
    certificate: Certificate,
    chain: Vec<CertificateDer<'static>>,
    tls: Arc<ListenerTls>,
    /// By which files it was judged, and what came of it.
    verdict: Mutex<(u64, bool)>,
}

impl Presented {
    /// Reads a chain that was accepted by the files of a generation.
    pub(crate) fn new(
        chain: &[CertificateDer<'_>],
        tls: &Arc<ListenerTls>,
        generation: u64,
    ) -> Result<Self, x509_cert::der::Error> {
        let chain: Vec<_> = chain.iter().cloned().map(CertificateDer::into_owned).collect();
        let certificate = Certificate::parse(&chain[0])?;
        Ok(Self { certificate, chain, tls: Arc::clone(tls), verdict: Mutex::new((generation, true)) })
    }

    /// Returns whether it would be accepted now.
    pub(crate) fn holds(&self, now: SystemTime) -> bool {
        if !self.certificate.is_valid_at(now) {
            return false;
        }
        let generation = *self.tls.generation().borrow();
        let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        if verdict.0 != generation {
            *verdict = (generation, self.tls.accepts(&self.chain, now));
        }
        verdict.1
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Presented").field(&self.certificate).finish()
    }
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, presented: Arc::default() }
    }

    pub(crate) fn present(&self, presented: Presented) {
        // A connection has one handshake.
        let _ = self.presented.set(presented);
    }

    /// Returns where it connects from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the certificate it proved to own, as long as it has not expired and our authorities and revocation lists, which
    /// may change while the connection stands, let it pass.
    pub fn certificate(&self) -> Option<&Certificate> {
        let presented = self.presented.get().filter(|presented| presented.holds(SystemTime::now()));
        presented.map(|presented| &presented.certificate)
    }

    /// Returns whether it had one that does not hold any more.
    pub fn has_lost_certificate(&self) -> bool {
        self.presented.get().is_some() && self.certificate().is_none()
    }

    /// Returns when [`Self::certificate`] has none any more. Never returns where there was none.
    pub async fn certificate_ended(&self) {
        let Some(presented) = self.presented.get() else { return std::future::pending().await };
        let mut generation = presented.tls.generation();
        loop {
            generation.mark_unchanged();
            let now = SystemTime::now();
            if !presented.holds(now) {
                return;
            }
            let left = presented.certificate.not_after.duration_since(now).unwrap_or_default();
            let left = left.clamp(Duration::from_millis(1), LOOK_AGAIN);
            // Either way it is judged again.
            let _ = tokio::time::timeout(left, generation.changed()).await;
        }
    }
}
