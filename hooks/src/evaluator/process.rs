//! One running child.

use super::{
    PROGRAM_NAME,
    child::ChildLimits,
    message::Answer,
    pipe::{Deadline, TimedPipe},
};
use crate::wire::{WireError, read_frame};
use configbus_model::ErrorKind;
use std::{
    io::{self, Read as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// Time a child has to confine itself and say so.
const START_TIME: Duration = Duration::from_secs(10);

/// Bytes of standard error that are looked at.
const STDERR_BYTES_MAX: u64 = 4_096;

/// Why rules cannot be evaluated at all, whatever they say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluatorError {
    /// The program that evaluates cannot be started.
    #[error("failed to start {program} to evaluate rules")]
    Spawn {
        /// Which.
        program: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// It starts, and is something else or cannot confine itself.
    #[error("{program} does not evaluate rules; is it configbus?")]
    NotReady {
        /// Which.
        program: PathBuf,
        /// Cause.
        source: WireError,
    },
    /// Other candidates keep all processes busy.
    #[error("no process was free to evaluate rules within {} s; try again, or raise gate.rules.processes_max", waited.as_secs())]
    Busy {
        /// How long this one waited.
        waited: Duration,
    },
    /// The question cannot be put.
    #[error("failed to put rules to the process that evaluates them")]
    Ask(#[from] WireError),
}

impl Loss {
    /// Returns the name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Crash => "crash",
        }
    }
}

impl EvaluatorError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Spawn { .. } | Self::NotReady { .. } | Self::Ask(_) => ErrorKind::Internal,
            Self::Busy { .. } => ErrorKind::Exhausted,
        }
    }
}

/// How a child was lost in the middle of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It took too long and was killed.
    Time,
    /// It wanted more memory than it may have.
    Memory,
    /// It ended in another way.
    Crash,
}

/// A child that waits for a question. Dropped, it is killed.
pub(super) struct Process {
    child: Child,
    input: TimedPipe<ChildStdin>,
    output: TimedPipe<ChildStdout>,
    errors: ChildStderr,
}

impl Process {
    /// Starts one and waits until it is confined.
    pub(super) fn start(program: &Path, limits: ChildLimits) -> Result<Self, EvaluatorError> {
        let failed = |source| EvaluatorError::Spawn { program: program.to_owned(), source };
        let mut process = Self::spawn(program, limits).map_err(failed)?;
        let not_ready = |source| EvaluatorError::NotReady { program: program.to_owned(), source };
        match read_frame(&mut process.output).map_err(not_ready)? {
            Answer::Ready => Ok(process),
            _ => Err(not_ready(WireError::Io(io::ErrorKind::InvalidData.into()))),
        }
    }

    fn spawn(program: &Path, limits: ChildLimits) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg0(PROGRAM_NAME).args(limits.to_args()).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (input, output) = (child.stdin.take().ok_or_else(missing)?, child.stdout.take().ok_or_else(missing)?);
        let errors = child.stderr.take().ok_or_else(missing)?;
        let deadline = Deadline::after(START_TIME);
        let (input, output) = (TimedPipe::new(input, deadline)?, TimedPipe::new(output, deadline)?);
        Ok(Self { child, input, output, errors })
    }

    /// Puts a question. A child that is lost over it is gone.
    pub(super) fn ask(mut self, question: &[u8], deadline: Deadline) -> Result<(Self, Answer), Loss> {
        self.input.set_deadline(deadline);
        self.output.set_deadline(deadline);
        let written = self.input.write_all(question);
        match written.map_err(WireError::Io).and_then(|()| read_frame(&mut self.output)) {
            Ok(answer) => Ok((self, answer)),
            Err(WireError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Loss::Time),
            Err(_) => Err(self.why_ended()),
        }
    }

    /// The runtime aborts when memory is refused, and says so before.
    fn why_ended(mut self) -> Loss {
        let _ = self.child.kill();
        let signal = self.child.wait().ok().and_then(|status| status.signal());
        let mut said = String::new();
        let _ = self.errors.by_ref().take(STDERR_BYTES_MAX).read_to_string(&mut said);
        match signal {
            Some(SIGXCPU) => Loss::Time,
            _ if said.contains("memory allocation") => Loss::Memory,
            _ => Loss::Crash,
        }
    }
}

/// What the kernel ends a process with that computes beyond its limit.
const SIGXCPU: i32 = rustix::process::Signal::XCPU.as_raw();

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended by itself, or ends now; either way it must be reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
