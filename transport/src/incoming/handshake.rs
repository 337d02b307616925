//! The handshake of an accepted connection.

use super::foreign;
use crate::{ListenerTls, Peer, peer::Presented};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Longest time from accepting a connection to the end of its handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Handshakes under way. Callers that say nothing hold one each until the deadline, so it is far above what honest
/// ones need: the handshakes of a whole fleet that comes back take a few milliseconds each.
const HANDSHAKES_MAX: usize = 1_024;

/// First byte of a TLS connection: the record type "handshake".
pub(super) const TLS_FIRST: u8 = 0x16;

/// Hands out the right to make a handshake.
pub(super) struct Handshakes {
    tls: Arc<ListenerTls>,
    tickets: Arc<Semaphore>,
}

/// The right to make one.
pub(super) struct Ticket {
    tls: Arc<ListenerTls>,
    _permit: OwnedSemaphorePermit,
}

impl Handshakes {
    pub(super) fn new(tls: Arc<ListenerTls>) -> Self {
        Self { tls, tickets: Arc::new(Semaphore::new(HANDSHAKES_MAX)) }
    }

    pub(super) async fn ticket(&self) -> Ticket {
        let tickets = Arc::clone(&self.tickets);
        let permit = tickets.acquire_owned().await.expect("the semaphore is never closed");
        Ticket { tls: Arc::clone(&self.tls), _permit: permit }
    }
}

impl Ticket {
    /// Returns the handshake, which begins when it is polled.
    pub(super) async fn start(self, stream: TcpStream, peer: Peer) -> io::Result<Box<TlsStream<TcpStream>>> {
        let made = timeout(HANDSHAKE_MAX, shake_hands(&self.tls, stream, &peer)).await;
        let made = made.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")));
        metrics::counter!("configbus_tls_handshakes_total", "outcome" => outcome(&made)).increment(1);
        made.inspect_err(|error| {
            // Probes of load balancers connect and leave.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                tracing::warn!(peer = %peer.address(), "no TLS with {}: {error}", peer.address());
            }
        })
    }
}

async fn shake_hands(tls: &Arc<ListenerTls>, stream: TcpStream, peer: &Peer) -> io::Result<Box<TlsStream<TcpStream>>> {
    let mut first = [0; foreign::SAMPLE_BYTES];
    let seen = stream.peek(&mut first).await?;
    match first[..seen] {
        [] => return Err(io::ErrorKind::UnexpectedEof.into()),
        [TLS_FIRST, ..] => {}
        ref sample => return Err(foreign::refuse_plain(stream, sample).await),
    }
    // Looked at before the files are: what changes in between makes the certificate be judged once more.
    let generation = *tls.generation().borrow();
    let stream = TlsAcceptor::from(tls.config()).accept(stream).await?;
    if let Some(chain) = stream.get_ref().1.peer_certificates().filter(|chain| !chain.is_empty()) {
        peer.present(Presented::new(chain, tls, generation).map_err(io::Error::other)?);
    }
    Ok(Box::new(stream))
}

fn outcome<T>(made: &io::Result<T>) -> &'static str {
    match made.as_ref().map_err(io::Error::kind) {
        Ok(_) => "ok",
        Err(io::ErrorKind::TimedOut) => "timed_out",
        Err(io::ErrorKind::UnexpectedEof) => "gone",
        Err(io::ErrorKind::Unsupported) => "plain",
        Err(_) => "refused",
    }
}
