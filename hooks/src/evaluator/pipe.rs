//! Pipes to children that may never answer: every read and write has a deadline.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};
use std::{
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

/// When to stop waiting.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the moment after some time.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Returns the time that is left.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns whether no time is left.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// Returns the earlier of two.
    pub fn or_before(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

/// A pipe that is only waited for until a deadline.
#[derive(Debug)]
pub(crate) struct TimedPipe<P> {
    pipe: P,
    deadline: Deadline,
}

impl<P: AsFd> TimedPipe<P> {
    /// Takes a pipe over.
    pub(crate) fn new(pipe: P, deadline: Deadline) -> io::Result<Self> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Self { pipe, deadline })
    }

    /// Sets when to stop waiting.
    pub(crate) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    fn wait(&self, flags: PollFlags) -> io::Result<()> {
        wait_for(self.pipe.as_fd(), flags, self.deadline)
    }
}

/// Waits until a descriptor is ready, or fails with `TimedOut`.
fn wait_for(fd: BorrowedFd<'_>, flags: PollFlags, deadline: Deadline) -> io::Result<()> {
    loop {
        let left = Timespec::try_from(deadline.left()).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(&fd, flags)], Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

impl<P: AsFd + Read> Read for TimedPipe<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(PollFlags::IN)?;
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

impl<P: AsFd + Write> Write for TimedPipe<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.wait(PollFlags::OUT)?;
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}
