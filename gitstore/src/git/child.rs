//! A running Git child.

use super::reaper;
use configbus_model::ErrorKind;
use std::{
    io::{self, Read, Write as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    thread,
    time::Duration,
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

/// A child with its pipes. Dropped before its end, it is ended together with everything it started, politely enough that
/// Git tidies up.
#[derive(Debug)]
pub struct GitChild {
    /// Taken when it is dropped before its end.
    child: Option<Child>,
    what: String,
}

impl GitChild {
    pub(super) fn new(child: Child, what: String) -> Self {
        Self { child: Some(child), what }
    }

    /// Returns the process id, which is also the id of its process group.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Takes the pipe into the child; dropping it tells the child that nothing more comes.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.as_mut()?.stdin.take()
    }

    /// Takes the child's standard output.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.as_mut()?.stdout.take()
    }

    /// Takes the child's standard error.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.as_mut()?.stderr.take()
    }

    /// Waits for the end. Input that was not taken is closed first.
    pub fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        let Some(mut child) = self.child.take() else { return Err(self.io(io::ErrorKind::NotFound.into())) };
        child.wait().map_err(|source| self.io(source))
    }

    pub(super) fn run(mut self, input: &[u8], deadline: Duration) -> Result<GitOutput, ChildError> {
        let (stdin, stdout, stderr) = (self.take_stdin(), self.take_stdout(), self.take_stderr());
        let (output, in_time) = thread::scope(|scope| {
            let out = scope.spawn(|| stdout.map_or_else(|| Ok(Vec::new()), read_all));
            let err = scope.spawn(|| stderr.map_or_else(|| Ok(Vec::new()), read_beginning));
            // A child that ends early closes its input; its status says why.
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            let in_time = self.child.as_ref().map_or(Ok(true), |child| reaper::ends_within(child, deadline));
            if !matches!(in_time, Ok(true)) {
                self.stop();
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

    fn stop(&self) {
        if let Some(child) = &self.child {
            reaper::stop(child);
        }
    }

    fn io(&self, source: io::Error) -> ChildError {
        ChildError::Io { what: self.what.clone(), source }
    }
}

impl Drop for GitChild {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            reaper::end_and_reap(child);
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
