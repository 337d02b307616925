//! Processes that never outlive the test that started them.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::eventually::eventually;

/// Lines of a child's output that a failing test shows.
const TAIL_LINES: usize = 40;

/// A running process in a process group of its own, killed with all it started when this is dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts a process whose output goes to a log file.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        Ok(Self { name: name.to_owned(), child: command.spawn()?, log: log.to_owned() })
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning, with everything it started.
    pub fn kill(&mut self) {
        self.signal_group(Signal::KILL);
        self.child.wait().expect("a child can be waited for");
    }

    /// Kills the process alone, as the kernel does when memory is short.
    pub fn kill_alone(&mut self) {
        self.child.kill().expect("a child that is not waited for can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a child that is not waited for can be signalled");
    }

    /// Asks it to end, as Ctrl-C does, and waits for its end.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal(Signal::INT);
        self.wait()
    }

    /// Asks it and everything it started to end, as Ctrl-C in a terminal does, and waits for its end.
    pub fn interrupt_group(&mut self) -> ExitStatus {
        self.signal_group(Signal::INT);
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        eventually(&what, || self.child.try_wait().expect("a child can be waited for"))
    }

    /// Returns how it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Returns everything it has printed.
    pub fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn signal_group(&self, signal: Signal) {
        // The group is gone when everything in it has ended and was waited for; that is what was wanted.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal_group(Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
            eprintln!("--- last output of {} ---\n{tail}\n---", self.name);
        }
    }
}
