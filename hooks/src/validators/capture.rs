//! What a validator says, up to a bound both streams share.

use crate::evaluator::TimedPipe;
use std::{
    io::Read,
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes of output that are left, and what to do when none are.
pub(super) struct Budget<'a> {
    left: AtomicU64,
    stop: &'a (dyn Fn() + Sync),
}

impl<'a> Budget<'a> {
    pub(super) fn new(bytes: u64, stop: &'a (dyn Fn() + Sync)) -> Self {
        Self { left: AtomicU64::new(bytes), stop }
    }

    /// Returns whether the validator said more than it may.
    pub(super) fn is_exceeded(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Reads a stream to its end, its deadline or the end of the budget.
    pub(super) fn read(&self, mut pipe: TimedPipe<impl Read + AsFd>) -> Vec<u8> {
        let (mut said, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            let taken = self
                .left
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| Some(left.saturating_sub(length as u64)));
            said.extend(&buffer[..length]);
            if taken.is_ok_and(|before| before <= length as u64) {
                (self.stop)();
                break;
            }
        }
        said
    }
}
