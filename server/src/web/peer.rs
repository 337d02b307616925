//! Who is at the other end of a connection, as far as the connection itself knows.

use super::BoundedListener;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use configbus_transport::Certificate;
use std::net::SocketAddr;

/// The other end. In the extensions of every request as `ConnectInfo<Peer>`.
#[derive(Debug, Clone)]
pub(crate) struct Peer(configbus_transport::Peer);

impl Peer {
    /// Returns where it connects from.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Returns the certificate it has proved to own, while that holds.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate()
    }

    /// Returns whether it had one that does not hold any more.
    pub(crate) fn has_lost_certificate(&self) -> bool {
        self.0.has_lost_certificate()
    }

    /// Returns when there is none any more.
    pub(crate) async fn certificate_ended(&self) {
        self.0.certificate_ended().await;
    }
}

impl Connected<IncomingStream<'_, BoundedListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        Self(stream.io().peer().clone())
    }
}
