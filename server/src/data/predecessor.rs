//! Ends what a killed server left running.
//!
//! A `git receive-pack` survives its server for as long as its input lasts, with hooks that would still ask for
//! landings. The parent-death signal ends the direct children and nobody below them. Process ids written to a file were
//! the alternative; they are reused and a crash can come before the write. So every child carries the folder's name in
//! its environment, children inherit it, and whoever carries it when a new server holds the folder's lock is a leftover.

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

/// Environment variable that marks children of a server with its data folder.
pub(crate) const DATA_MARK: &str = "CONFIGBUS_SERVER_DATA";

/// How long one killed process may take to be gone; it is in an uninterruptible system call otherwise.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Kills every process that carries the mark of `data` and waits until it is gone. Returns how many there were.
pub(super) fn end_leftover_children(data: &Path) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let mark = [DATA_MARK.as_bytes(), b"=", data.as_os_str().as_bytes()].concat();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let leftovers: Vec<OwnedFd> = ids.filter_map(|id| killed(id, &mark)).collect();
    leftovers.iter().for_each(await_end);
    leftovers.len()
}

/// The handle is opened before the environment is read, so that a reused id cannot be hit.
fn killed(id: i32, mark: &[u8]) -> Option<OwnedFd> {
    let process = pidfd_open(Pid::from_raw(id)?, PidfdFlags::empty()).ok()?;
    let environment = fs::read(format!("/proc/{id}/environ")).ok()?;
    let is_marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark);
    if !is_marked || Pid::from_raw(id) == Some(rustix::process::getpid()) {
        return None;
    }
    pidfd_send_signal(process.as_fd(), Signal::KILL).ok()?;
    Some(process)
}

fn await_end(process: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let deadline = Timespec { tv_sec: GONE_WITHIN.as_secs().cast_signed(), tv_nsec: 0 };
    let _ = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&deadline));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn sleeper(data: &Path) -> std::process::Child {
        Command::new("sleep").arg("600").env_clear().env(DATA_MARK, data).spawn().unwrap()
    }

    #[test]
    fn only_processes_that_carry_the_mark_are_ended() {
        let data = tempfile::tempdir().unwrap();
        let mut leftover = sleeper(data.path());
        let mut of_another = sleeper(&data.path().join("other"));
        assert_eq!(end_leftover_children(data.path()), 1);
        assert!(!leftover.wait().unwrap().success());
        assert!(of_another.try_wait().unwrap().is_none());
        of_another.kill().unwrap();
        of_another.wait().unwrap();
    }
}
