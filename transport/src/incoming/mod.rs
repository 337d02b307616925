//! Accepts a bounded number of connections, plain or over TLS.
//!
//! The handshake is no part of accepting: it runs in the task that serves the connection, when that first reads. So a
//! caller that says nothing keeps nobody waiting, and a fleet that comes back at once uses every core. Those under way
//! are bounded apart from connections, and each has a deadline.

mod connection;
mod foreign;
mod handshake;

pub use connection::Connection;

use crate::{ListenerTls, Peer};
use handshake::Handshakes;
use rustix::net::sockopt;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// When the kernel begins to ask whether a silent peer still exists. Watches and report streams live for days.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// Pause after a failed accept, which is most often a lack of file descriptors: it fails at once, again and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A port that holds at most so many connections; more wait in the kernel's queue.
pub struct Incoming {
    listener: TcpListener,
    places: Arc<Semaphore>,
    handshakes: Option<Handshakes>,
}

impl Incoming {
    /// Takes a bound port; plain without `tls`.
    pub fn new(listener: TcpListener, tls: Option<Arc<ListenerTls>>, connections_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(connections_max));
        Self { listener, places, handshakes: tls.map(Handshakes::new) }
    }

    /// Returns the bound address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the next connection. Cancel-safe: nothing is accepted before everything it needs is there.
    pub async fn accept(&mut self) -> Connection {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        let ticket = match &self.handshakes {
            Some(handshakes) => Some(handshakes.ticket().await),
            None => None,
        };
        let (stream, address) = self.accept_stream().await;
        prepare(&stream);
        let peer = Peer::new(address);
        match ticket {
            Some(ticket) => Connection::over_tls(ticket.start(stream, peer.clone()), peer, place),
            None => Connection::plain(stream, peer, place),
        }
    }

    async fn accept_stream(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Small answers leave at once, and peers that vanished are noticed. Neither is worth losing a connection for.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE_AFTER / 3);
}
