//! Ports for processes that must come back at the same address after a crash.

use std::{
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range that the kernel hands out for outgoing connections, so that nobody takes them while a process is down.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Returns a port that nobody listens on and that this process has not handed out before.
pub fn fixed_port() -> u16 {
    let spread = (process::id() % 360) as u16 * 50;
    loop {
        let offset = spread.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + offset)).is_ok() {
            return FIRST + offset;
        }
    }
}
