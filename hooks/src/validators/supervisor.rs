//! The process between the gate and one run of a validator.
//!
//! It hears from the gate over a socket that is its standard input: what to run first, then nothing. When the socket
//! closes, the gate has lost interest, or its life. Whatever happens, no descendant of the validator outlives the run: as
//! their subreaper the supervisor inherits those that were left behind, and kills until none is left.

use super::{
    isolation::{Reach, cut_off},
    spec::{RunEnd, RunSpec},
};
use crate::evaluator::close_inherited;
use crate::wire::{read_frame, write_frame};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper,
        setrlimit, wait,
    },
};
use std::{
    fs, io,
    os::{
        fd::AsFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

/// Time from the first kill to the last descendant's end; the kernel needs microseconds each.
const CLEANUP_TIME: Duration = Duration::from_secs(5);

/// Runs as the supervisor.
pub(crate) fn run() -> ExitCode {
    let supervised = || -> io::Result<()> {
        close_inherited()?;
        let mut gate = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let spec: RunSpec = read_frame(&mut gate).map_err(io::Error::other)?;
        let end = supervise(&spec, &gate);
        kill_descendants();
        write_frame(&mut gate, &end).map_err(io::Error::other)
    };
    if supervised().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn supervise(spec: &RunSpec, gate: &UnixStream) -> RunEnd {
    let reach = match cut_off(spec.isolation) {
        Ok(reach) => reach,
        Err(error) => return RunEnd::NotIsolated(error.to_string()),
    };
    let child = prepare(spec, reach).and_then(|()| start(spec));
    match child.and_then(|child| watch(child, gate, Duration::from_millis(spec.time_limit_ms))) {
        Ok(end) => end,
        Err(error) => RunEnd::NotStarted(error.to_string()),
    }
}

/// Takes away what the validator shall not have either.
fn prepare(spec: &RunSpec, reach: Reach) -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    rustix::thread::set_no_new_privs(true)?;
    let mut limits = vec![
        (Resource::Core, 0),
        (Resource::Data, spec.memory_bytes_max),
        (Resource::Fsize, spec.file_bytes_max),
        (Resource::Nofile, 1_024),
    ];
    if reach == Reach::OwnUsers {
        limits.push((Resource::Nproc, spec.processes_max));
    }
    for (resource, max) in limits {
        // What was bounded more tightly before stays so.
        let max = rustix::process::getrlimit(resource).maximum.map_or(max, |before| before.min(max));
        setrlimit(resource, Rlimit { current: Some(max), maximum: Some(max) })?;
    }
    Ok(())
}

fn start(spec: &RunSpec) -> io::Result<Child> {
    let (program, args) = spec.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").env("TZ", "UTC");
    command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&spec.folder).process_group(0).stdin(Stdio::null()).spawn()
}

/// Waits for the first of: the validator's end, the end of its time, the end of the gate's interest.
fn watch(mut child: Child, gate: &UnixStream, time: Duration) -> io::Result<RunEnd> {
    let deadline = Instant::now() + time;
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut watched = [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(gate, PollFlags::IN | PollFlags::RDHUP)];
        match poll(&mut watched, Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(0) => return Ok(RunEnd::TimedOut),
            Ok(_) if watched[0].revents().is_empty() => return Err(io::ErrorKind::ConnectionAborted.into()),
            Ok(_) => {
                let status = child.wait()?;
                let signal = status.signal().unwrap_or_default();
                return Ok(status.code().map_or(RunEnd::Signalled(signal), RunEnd::Exited));
            }
        }
    }
}

/// Kills and reaps until nothing is left: the children of what is killed become children of this process.
fn kill_descendants() {
    let end = Instant::now() + CLEANUP_TIME;
    loop {
        for pid in children() {
            // One that has just ended is reaped below.
            let _ = kill_process(pid, Signal::KILL);
        }
        match wait(WaitOptions::NOHANG) {
            Ok(None) if Instant::now() < end => std::thread::yield_now(),
            Ok(Some(_)) => {}
            // None is left, or the kernel cannot end one in time, which then is no child of anybody's patience.
            _ => return,
        }
    }
}

fn children() -> Vec<Pid> {
    let this = getpid().as_raw_nonzero();
    let listed = fs::read_to_string(format!("/proc/self/task/{this}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw)).collect()
}
