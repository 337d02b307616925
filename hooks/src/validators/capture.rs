//! What a validator says, up to a bound both streams share.

use crate::evaluator::TimedPipe;
use std::{
    io::Read,
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes of output there may be, how many there were, and what to do when there are more.
pub(super) struct Budget<'a> {
    bytes_max: u64,
    said_bytes: AtomicU64,
    stop: &'a (dyn Fn() + Sync),
}

impl<'a> Budget<'a> {
    pub(super) fn new(bytes_max: u64, stop: &'a (dyn Fn() + Sync)) -> Self {
        Self { bytes_max, said_bytes: AtomicU64::new(0), stop }
    }

    /// Returns whether the validator said more than it may.
    pub(super) fn is_exceeded(&self) -> bool {
        self.said_bytes.load(Ordering::Acquire) > self.bytes_max
    }

    /// Reads a stream to its end, its deadline or the end of the budget.
    pub(super) fn read(&self, mut pipe: TimedPipe<impl Read + AsFd>) -> Vec<u8> {
        let (mut said, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            self.said_bytes.fetch_add(length as u64, Ordering::AcqRel);
            said.extend(&buffer[..length]);
            if self.is_exceeded() {
                (self.stop)();
                break;
            }
        }
        said
    }
}
