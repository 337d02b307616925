//! Ending children that nobody waits for any more.
//!
//! Git removes its locks when it is asked to end, its quarantines only when it ends by itself (since 2.39 not on signals),
//! and nothing when it is killed. So a child that is dropped first finds its pipes closed, which ends a push in the middle
//! like a broken connection does; then it is asked; then it is killed.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use std::{
    io,
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// Time to tidy up, each time; deleting a quarantine takes milliseconds.
const GRACE: Duration = Duration::from_secs(2);

/// Ends a child and all it started, within moments.
pub(super) fn stop(child: &Child) {
    signal(child.id(), Signal::TERM);
    // Whether it ended or not: what it started may not have, and would keep its pipes open.
    let _ = ends_within(child, GRACE);
    signal(child.id(), Signal::KILL);
}

/// Closes the pipes and sees to it that the child ends, on a thread that ends with it: whoever drops a child must not
/// wait.
pub(super) fn end_and_reap(mut child: Child) {
    let id = child.id();
    drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
    let reap = move || {
        if !matches!(ends_within(&child, GRACE), Ok(true)) {
            stop(&child);
        }
        if let Err(error) = child.wait() {
            tracing::warn!(%error, "a Git child cannot be reaped");
        }
    };
    if let Err(error) = thread::Builder::new().name("git-reaper".into()).spawn(reap) {
        tracing::error!(%error, "a Git child is killed, because no thread can be started to wait for it");
        signal(id, Signal::KILL);
    }
}

/// Waits for the end without reaping, so that the id stays that of this child.
pub(super) fn ends_within(child: &Child, time: Duration) -> io::Result<bool> {
    let pidfd = pidfd_open(pid(child.id())?, PidfdFlags::empty())?;
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn signal(id: u32, signal: Signal) {
    if let Ok(pid) = pid(id) {
        // The group is gone when the child ended by itself: then there is nothing left to do.
        let _ = kill_process_group(pid, signal);
    }
}

fn pid(id: u32) -> io::Result<Pid> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
