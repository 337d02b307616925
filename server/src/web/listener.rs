//! The listening socket, as axum takes connections from it.

use axum::serve::Listener;
use configbus_transport::{Connection, Incoming};
use std::io;
use std::net::SocketAddr;

/// A port with a bound on connections, plain or over TLS.
pub(crate) struct BoundedListener(pub(crate) Incoming);

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let connection = self.0.accept().await;
        let address = connection.peer().address();
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
