//! One server's process.
//!
//! A shell stands between us and the JVM and kills it as soon as our end of its standard input closes. So the JVM
//! ends when the test does, even if that is by `kill -9`, from whatever thread it was started.

use super::{FixtureError, io_error};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

const SCRIPT: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
echo $!
read -r word <&3
case "$word" in stop) kill -TERM $! ;; *) kill -KILL $! ;; esac
wait $!
"#;

/// Small and quick to start; a test's ensemble shares two cores with the test.
const JVM_OPTIONS: [&str; 6] = [
    "-Xmx128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dzookeeper.jmx.log4j.disable=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

/// Logs to standard error; comes with the package. Without it there is merely no log.
const LOGGING_JAR: &str = "/usr/share/java/slf4j-simple.jar";

const LOG: &str = "zookeeper.log";

/// How much of a log is shown when a server does not come up.
const LOG_END_BYTES: usize = 4_000;

pub(super) struct Process {
    shell: Child,
    input: Option<ChildStdin>,
    pid: Pid,
}

impl Process {
    pub(super) fn start(folder: &Path, jar: &str) -> Result<Self, FixtureError> {
        let class_path = format!("{jar}:{LOGGING_JAR}");
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(folder.join(LOG)).arg("java");
        command.args(JVM_OPTIONS).args(["-cp", &class_path]);
        command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(folder.join("zoo.cfg"));
        let spawned = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut shell = spawned.map_err(io_error("start a shell"))?;
        let input = shell.stdin.take();
        let output = shell.stdout.take().expect("standard output is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(io_error("read the process id of zookeeper"))?;
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| FixtureError::NotInstalled { what: "a shell that starts java".to_owned() })?;
        Ok(Self { shell, input, pid })
    }

    pub(super) fn stop(mut self) {
        if let Some(input) = &mut self.input {
            // A shell that is gone has taken the server along.
            let _ = input.write_all(b"stop\n");
        }
    }

    pub(super) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal)
            .expect("the server is a child of the shell and stays one until it is waited for");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.shell.wait();
    }
}

/// Returns the end of a server's log.
pub(super) fn log_end(folder: &Path) -> String {
    let log = std::fs::read(folder.join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_END_BYTES)..]).into_owned()
}

/// Asks a server one of its administrative questions.
pub(super) fn four_letters(port: u16, question: &str) -> io::Result<String> {
    let timeout = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(question.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
