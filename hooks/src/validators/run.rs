//! Asking every validator that has a say, at the same time.

use super::{
    PROGRAM_NAME, Scope, ValidatorSettings, ValidatorSettingsError, answer,
    capture::Budget,
    spec::{RunEnd, RunSpec},
    turns::Turns,
    workspace::{TooMuch, Workspace},
};
use crate::{
    Context, Finding, GateSettings, Rule,
    candidate::{Candidate, CandidateError, FileChange},
    evaluator::{Deadline, THIS_PROGRAM, TimedPipe},
    glob::PathGlob,
    wire::{WireError, read_frame, write_frame},
};
use std::{
    collections::HashSet,
    io,
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Time beyond a validator's own in which its supervisor starts, ends it and says so.
const SUPERVISION_TIME: Duration = Duration::from_secs(15);

/// Longest wait for a turn: a hook waits twice as long for its answer.
const TURN_WITHIN: Duration = Duration::from_secs(300);

/// The validators of an installation.
#[derive(Debug, Default)]
pub(crate) struct Validators {
    validators: Vec<Validator>,
    program: Option<PathBuf>,
    turns: Turns,
}

#[derive(Debug)]
struct Validator {
    settings: ValidatorSettings,
    globs: Vec<PathGlob>,
}

impl Validators {
    /// Takes settings over; `program` supervises, by default the running one. At most so many run at once.
    pub(crate) fn new(
        settings: Vec<ValidatorSettings>,
        program: Option<PathBuf>,
        at_once_max: usize,
    ) -> Result<Self, ValidatorSettingsError> {
        let mut names = HashSet::new();
        let validator = |settings: ValidatorSettings| {
            let globs = settings.globs()?;
            if !names.insert(settings.name.clone()) {
                return Err(ValidatorSettingsError::Name { name: settings.name });
            }
            Ok(Validator { settings, globs })
        };
        let validators = settings.into_iter().map(validator).collect::<Result<_, _>>()?;
        Ok(Self { validators, program, turns: Turns::new(at_once_max) })
    }

    /// Returns what they find. Those that no change concerns are not asked.
    pub(crate) fn check(
        &self,
        candidate: &dyn Candidate,
        context: &Context<'_>,
        changes: &[FileChange],
        gate: &GateSettings,
    ) -> Result<Vec<Finding>, CandidateError> {
        let (mut runs, mut findings) = (Vec::new(), Vec::new());
        for validator in &self.validators {
            let concerned: Vec<_> = changes.iter().filter(|change| validator.is_asked_about(&change.path)).collect();
            if concerned.is_empty() {
                continue;
            }
            match Workspace::lay_out(&validator.settings, &validator.globs, candidate, (context, gate), &concerned)? {
                Ok(workspace) => runs.push((validator, workspace)),
                Err(too_much) => findings.push(validator.overwhelmed(&too_much)),
            }
        }
        findings.extend(self.run_all(&runs));
        Ok(findings)
    }

    /// Returns whether a validator that takes all files of its patterns is asked about one of these paths and would get `other`
    /// with it.
    pub(crate) fn see_together(&self, paths: &HashSet<&str>, other: &str) -> bool {
        let takes_all = self.validators.iter().filter(|validator| validator.settings.scope == Scope::All);
        let mut getting = takes_all.filter(|validator| validator.is_asked_about(other));
        getting.any(|validator| paths.iter().any(|path| validator.is_asked_about(path)))
    }

    fn run_all(&self, runs: &[(&Validator, Workspace)]) -> Vec<Finding> {
        let program = self.program.as_deref().unwrap_or(Path::new(THIS_PROGRAM));
        thread::scope(|scope| {
            // All are started before the first is waited for.
            let mut running = Vec::new();
            for (validator, workspace) in runs {
                let spec = validator.spec(workspace);
                running.push(scope.spawn(move || self.judge(program, &spec, &validator.settings)));
            }
            let crashed = || vec![Finding::new(Rule::CheckFailed, "", "a validator's run failed, so it refuses")];
            running.into_iter().flat_map(|run| run.join().unwrap_or_else(|_| crashed())).collect()
        })
    }
}

impl Validators {
    /// Runs one when it is its turn. Its time begins then.
    fn judge(&self, program: &Path, spec: &RunSpec, settings: &ValidatorSettings) -> Vec<Finding> {
        let asked = Instant::now();
        let turn = self.turns.take(TURN_WITHIN);
        metrics::histogram!("configbus_gate_validator_wait_seconds").record(asked.elapsed());
        if turn.is_some() {
            return judge(program, spec, settings);
        }
        let message = format!(
            "validator {} could not be asked, so it refuses: others took all turns for {} s; push again later",
            settings.name,
            TURN_WITHIN.as_secs()
        );
        vec![Finding::new(Rule::ValidatorFailed, "", message)]
    }
}

impl Validator {
    fn is_asked_about(&self, path: &str) -> bool {
        self.globs.iter().any(|glob| glob.matches(path))
    }

    fn overwhelmed(&self, too_much: &TooMuch) -> Finding {
        let TooMuch { what, key, found, max } = too_much;
        let message = format!(
            "validator {} would get more {what} than it takes; change less at once, or ask for a higher limit",
            self.settings.name
        );
        let finding = Finding::new(Rule::ValidatorLimit, "", message).found(format!("{found} {what}"));
        finding.expected(self.settings.at_most(max, what, key))
    }

    fn spec(&self, workspace: &Workspace) -> RunSpec {
        let settings = &self.settings;
        RunSpec {
            command: settings.command.clone(),
            folder: workspace.path().join("files"),
            environment: workspace.environment(),
            isolation: settings.isolation,
            time_limit_ms: settings.time_limit_ms,
            memory_bytes_max: settings.memory_bytes_max,
            processes_max: settings.processes_max,
            file_bytes_max: settings.files_bytes_max,
        }
    }
}

fn judge(program: &Path, spec: &RunSpec, settings: &ValidatorSettings) -> Vec<Finding> {
    let started = Instant::now();
    let ran = Run::start(program, spec).and_then(|run| run.finish(spec, settings));
    let name = settings.name.clone();
    metrics::histogram!("configbus_gate_validator_seconds", "validator" => name).record(started.elapsed());
    let failed = |why: String| {
        let message = format!("validator {} could not be asked, so it refuses: {why}", settings.name);
        Finding::new(Rule::ValidatorFailed, "", message)
    };
    match ran {
        Ok(ran) => ran.findings(settings),
        Err(error) => {
            tracing::error!(?error, validator = settings.name, "cannot ask validator {}", settings.name);
            vec![failed(error.to_string())]
        }
    }
}

/// A supervisor at work.
struct Run {
    supervisor: Child,
    socket: UnixStream,
}

/// What it came to.
struct Ran {
    end: RunEnd,
    is_flooded: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Run {
    fn start(program: &Path, spec: &RunSpec) -> io::Result<Self> {
        let (mut socket, other_end) = UnixStream::pair()?;
        let mut command = Command::new(program);
        command.arg0(PROGRAM_NAME).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::from(OwnedFd::from(other_end))).stdout(Stdio::piped()).stderr(Stdio::piped());
        let supervisor = command.spawn()?;
        let run = Self { supervisor, socket: socket.try_clone()? };
        write_frame(&mut socket, spec).map_err(io::Error::other)?;
        Ok(run)
    }

    fn finish(mut self, spec: &RunSpec, settings: &ValidatorSettings) -> io::Result<Ran> {
        let deadline = Deadline::after(Duration::from_millis(spec.time_limit_ms) + SUPERVISION_TIME);
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdout = TimedPipe::new(self.supervisor.stdout.take().ok_or_else(missing)?, deadline)?;
        let stderr = TimedPipe::new(self.supervisor.stderr.take().ok_or_else(missing)?, deadline)?;
        // The supervisor takes a closed socket for the end of all interest. What it would answer is lost with it.
        let stop = || drop(self.socket.shutdown(Shutdown::Write));
        let budget = Budget::new(settings.output_bytes_max, &stop);
        let (end, stdout, stderr) = thread::scope(|scope| {
            let stdout = scope.spawn(|| budget.read(stdout));
            let stderr = scope.spawn(|| budget.read(stderr));
            let end =
                TimedPipe::new(self.socket.try_clone()?, deadline).map(|mut pipe| read_frame::<RunEnd>(&mut pipe));
            Ok::<_, io::Error>((end?, stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default()))
        })?;
        let is_flooded = budget.is_exceeded();
        let end = match end {
            Err(_) if is_flooded => RunEnd::TimedOut,
            Err(WireError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => RunEnd::TimedOut,
            end => end.map_err(io::Error::other)?,
        };
        Ok(Ran { end, is_flooded, stdout, stderr })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended by itself, or hangs in the kernel; either way it must not be waited for.
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

impl Ran {
    fn findings(&self, settings: &ValidatorSettings) -> Vec<Finding> {
        let name = &settings.name;
        if self.is_flooded {
            count_killed("output");
            let message = format!("validator {name} said too much and was killed with its children; let it say less");
            let max = settings.at_most(settings.output_bytes_max, "bytes of output", "output_bytes_max");
            let finding = Finding::new(Rule::ValidatorLimit, "", message);
            return vec![finding.found(format!("more than {} bytes", settings.output_bytes_max)).expected(max)];
        }
        match &self.end {
            RunEnd::Exited(0) => answer::from_json(name, &self.stdout).unwrap_or_default(),
            RunEnd::Exited(status) => self.refusal(name, &format!("refused with status {status}")),
            RunEnd::Signalled(signal) => {
                let message = format!("validator {name} was ended by signal {signal}, so it refuses");
                self.with_lines(name, Finding::new(Rule::ValidatorFailed, "", message))
            }
            RunEnd::TimedOut => {
                count_killed("time");
                let message = format!(
                    "validator {name} took too long and was killed with its children; change less at once, or make it faster"
                );
                let max = settings.at_most(settings.time_limit_ms, "ms", "time_limit_ms");
                let finding = Finding::new(Rule::ValidatorLimit, "", message);
                self.with_lines(name, finding.found(format!("more than {} ms", settings.time_limit_ms)).expected(max))
            }
            RunEnd::NotStarted(why) => {
                let message = format!("validator {name} could not be started, so it refuses: {why}");
                vec![Finding::new(Rule::ValidatorFailed, "", message)]
            }
            RunEnd::NotIsolated(why) => {
                let message = format!("validator {name} cannot be cut off here as its settings require: {why}");
                vec![Finding::new(Rule::ValidatorFailed, "", message)]
            }
        }
    }

    /// A refusal without a word of its own is told by its status.
    fn refusal(&self, name: &str, what: &str) -> Vec<Finding> {
        let said = answer::from_json(name, &self.stdout).filter(|findings| !findings.is_empty());
        let said = said.unwrap_or_else(|| answer::from_lines(name, &self.stdout, &self.stderr));
        if said.is_empty() {
            let message = format!("validator {name} {what} and said nothing");
            return vec![Finding::new(Rule::ValidatorRefused, "", message)];
        }
        said
    }

    fn with_lines(&self, name: &str, finding: Finding) -> Vec<Finding> {
        std::iter::once(finding).chain(answer::from_lines(name, &self.stdout, &self.stderr)).collect()
    }
}

fn count_killed(reason: &'static str) {
    metrics::counter!("configbus_gate_validators_killed_total", "reason" => reason).increment(1);
}
