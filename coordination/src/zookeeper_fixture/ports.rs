//! Ports that stay free while a server is down.
//!
//! They are taken from below the range the kernel hands out by itself. From within it, an outgoing connection could
//! take the port of a server that is down, and a client that keeps trying would now and then connect to itself.

use std::{io, net::TcpListener, ops::Range};

const RANGE: Range<u16> = 20_000..32_000;
const TRIES_MAX: usize = 1_000;

/// Finds `count` ports on loopback that nobody listens at.
pub(super) fn free(count: usize) -> io::Result<Vec<u16>> {
    // Held until all are found, so that none is found twice.
    let mut listeners = Vec::new();
    for _ in 0..TRIES_MAX {
        if listeners.len() == count {
            break;
        }
        listeners.extend(TcpListener::bind(("127.0.0.1", fastrand::u16(RANGE))));
    }
    if listeners.len() < count {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "every port that was tried is taken"));
    }
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
