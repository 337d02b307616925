//! A running Git child.

use configbus_model::ErrorKind;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use std::{
    io::{self, Read, Write as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// Most bytes of a child's standard error that end up in an error.
const STDERR_BYTES_MAX: u64 = 16 * 1024;

/// Why a Git child did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// It could not be started; most often Git is not installed.
    #[error("failed to start `{what}`; is git installed and in PATH?")]
    Spawn {
        /// The command.
        what: String,
        /// Cause.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`{what}` failed ({status}): {}", stderr.trim())]
    Failed {
        /// The command.
        what: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// It took too long and was killed.
    #[error("`{what}` was stopped after {} s", after.as_secs())]
    TimedOut {
        /// The command.
        what: String,
        /// Time it had.
        after: Duration,
    },
    /// Its pipes broke.
    #[error("failed to talk to `{what}`")]
    Io {
        /// The command.
        what: String,
        /// Cause.
        source: io::Error,
    },
}

impl ChildError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Spawn { .. } => ErrorKind::Internal,
            Self::Failed { .. } | Self::TimedOut { .. } | Self::Io { .. } => ErrorKind::Unavailable,
        }
    }
}

/// What a child said before it ended well.
#[derive(Debug, Clone, Default)]
pub struct GitOutput {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// The beginning of standard error.
    pub stderr: String,
}

/// A child with its pipes. Dropped before its end, it is killed together with everything it started.
#[derive(Debug)]
pub struct GitChild {
    child: Child,
    what: String,
    ended: bool,
}

impl GitChild {
    pub(super) fn new(child: Child, what: String) -> Self {
        Self { child, what, ended: false }
    }

    /// Returns the process id, which is also the id of its process group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes the pipe into the child; dropping it tells the child that nothing more comes.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes the child's standard output.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Takes the child's standard error.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for the end. Pipes that were not taken are closed first.
    pub fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        let status = self.child.wait().map_err(|source| self.io(source))?;
        self.ended = true;
        Ok(status)
    }

    /// Kills the child and all it started.
    pub fn kill(&mut self) {
        if !self.ended
            && let Some(pid) = self.pid()
        {
            // The group is gone when the child ended by itself a moment ago: then there is nothing left to do.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    pub(super) fn run(mut self, input: &[u8], deadline: Duration) -> Result<GitOutput, ChildError> {
        let (stdin, stdout, stderr) = (self.take_stdin(), self.take_stdout(), self.take_stderr());
        let (output, in_time) = thread::scope(|scope| {
            let out = scope.spawn(|| stdout.map_or_else(|| Ok(Vec::new()), read_all));
            let err = scope.spawn(|| stderr.map_or_else(|| Ok(Vec::new()), read_beginning));
            // A child that ends early closes its input; its status says why.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let in_time = self.wait_until(Instant::now() + deadline);
            if !matches!(in_time, Ok(true)) {
                self.kill();
            }
            (join(out).and_then(|stdout| Ok((stdout, join(err)?))), in_time)
        });
        let status = self.wait()?;
        let in_time = in_time.map_err(|source| self.io(source))?;
        let (stdout, stderr) = output.map_err(|source| self.io(source))?;
        let (what, stderr) = (self.what.clone(), String::from_utf8_lossy(&stderr).into_owned());
        match (in_time, status.success()) {
            (false, _) => Err(ChildError::TimedOut { what, after: deadline }),
            (true, false) => Err(ChildError::Failed { what, status, stderr }),
            (true, true) => Ok(GitOutput { stdout, stderr }),
        }
    }

    fn wait_until(&self, end: Instant) -> io::Result<bool> {
        let pid = self.pid().ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
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

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn io(&self, source: io::Error) -> ChildError {
        ChildError::Io { what: self.what.clone(), source }
    }
}

impl Drop for GitChild {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
            // Reaps it; killed processes do not make anybody wait.
            let _ = self.child.wait();
        }
    }
}

fn join(reader: thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    reader.join().map_err(|_| io::Error::other("reading a pipe panicked"))?
}

fn read_all(mut pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads to the end, so that the child never blocks, and keeps the beginning.
fn read_beginning(mut pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.by_ref().take(STDERR_BYTES_MAX).read_to_end(&mut bytes)?;
    io::copy(&mut pipe, &mut io::sink())?;
    Ok(bytes)
}
