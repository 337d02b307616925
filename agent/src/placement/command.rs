//! Commands of deliveries: in a shell, with a bound on time and on what is kept of their output.

use super::report::CommandReport;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
};

/// What is kept of the output: its end, where commands say what is wrong.
const OUTPUT_BYTES_MAX: usize = 4096;

/// Time for what is written already after the command's end; a service that it left running holds the pipe open.
const OUTPUT_WAIT: Duration = Duration::from_millis(200);

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) command: String,
    /// Beside the search path and the locale.
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) time_max: Duration,
}

/// Writes a word so that a shell takes it for one.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs it to its end. A command that takes too long is killed with all it started. When the caller is dropped, so is the
/// command.
pub(super) async fn run(job: Job) -> CommandReport {
    let Job { command, environment, time_max } = job;
    let report = |ok, end, output| CommandReport { command: command.clone(), ok, end, output };
    // Both streams into one pipe, in the order in which they were written.
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec 2>&1\n{command}")).env_clear().env("PATH", SEARCH_PATH).env("LANG", "C.UTF-8");
    shell.envs(environment).current_dir("/").process_group(0).kill_on_drop(true);
    let mut child = match shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) => return report(false, format!("not started: {error}"), String::new()),
    };
    let group = Group(child.id());
    let (mut tail, output) = (Tail::default(), child.stdout.take());
    let ended = {
        let work = async {
            let reading = tail.read(output);
            tokio::pin!(reading);
            let status = tokio::select! {
                status = child.wait() => {
                    let _open_is_fine = tokio::time::timeout(OUTPUT_WAIT, &mut reading).await;
                    status
                }
                () = &mut reading => child.wait().await,
            };
            status
        };
        tokio::time::timeout(time_max, work).await
    };
    let output = tail.text();
    match ended {
        Ok(Ok(status)) => {
            // What it left running on purpose, such as a service, lives on.
            std::mem::forget(group);
            report(status.success(), status.to_string(), output)
        }
        Ok(Err(error)) => report(false, format!("lost: {error}"), output),
        Err(_) => report(false, format!("no end within {} s", time_max.as_secs()), output),
    }
}

/// Kills a process group when dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let group = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _gone_is_fine = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The end of an output.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
}

impl Tail {
    async fn read(&mut self, output: Option<impl AsyncRead + Unpin>) {
        let Some(mut output) = output else { return };
        let mut buffer = [0; 1024];
        while let Ok(size @ 1..) = output.read(&mut buffer).await {
            self.kept.extend_from_slice(&buffer[..size]);
            let excess = self.kept.len().saturating_sub(OUTPUT_BYTES_MAX);
            self.kept.drain(..excess);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(command: &str, time_max: Duration) -> CommandReport {
        let environment = vec![("CONFIGBUS_NEW", "/etc/a b".to_owned())];
        run(Job { command: command.into(), environment, time_max }).await
    }

    #[tokio::test]
    async fn how_a_command_ended_and_the_end_of_what_it_wrote_are_kept() {
        let long = Duration::from_secs(60);
        let good = ended("printf 'new is %s' \"$CONFIGBUS_NEW\"", long).await;
        assert_eq!((good.ok, good.output.as_str()), (true, "new is /etc/a b"));
        let bad = ended("echo one; echo two >&2; exit 3", long).await;
        assert_eq!((bad.ok, bad.end.as_str(), bad.output.as_str()), (false, "exit status: 3", "one\ntwo"));
        let loud = ended("i=0; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done", long).await;
        assert!(loud.output.len() <= OUTPUT_BYTES_MAX && loud.output.ends_with("line-2999"), "{}", loud.output);
        assert!(!ended("no-such-program-here", long).await.ok);
    }

    #[tokio::test]
    async fn a_command_without_end_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let command = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let report = ended(&command, Duration::from_secs(1)).await;
        assert_eq!((report.ok, report.end.as_str()), (false, "no end within 1 s"));
        let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let gone = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        while !gone() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_service_that_it_starts_lives_on_and_holds_nobody_up() {
        let report = ended("sleep 600 & echo $!", Duration::from_secs(60)).await;
        assert!(report.ok, "{report:?}");
        let pid = Pid::from_raw(report.output.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[test]
    fn quoting_keeps_a_word_one_word() {
        assert_eq!(quoted("/etc/it's $HOME"), r"'/etc/it'\''s $HOME'");
    }
}
