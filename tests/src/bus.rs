//! A whole bus in one process, as `configbus up` runs it.

use crate::{binary::configbus, child::Child, eventually::eventually};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Content of `DATA/endpoints.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoints {
    /// Base URL of the server.
    pub server: String,
    /// URL to clone from.
    pub git: String,
    /// Base URL of the store.
    pub store: String,
    /// Agents in order.
    pub agents: Vec<AgentEndpoint>,
}

/// One agent in `endpoints.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AgentEndpoint {
    /// Base URL of its status.
    pub listen: String,
    /// Folder with `current`.
    pub root: PathBuf,
}

/// Outcome of one run of the command line.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Runs the program with these arguments and nothing of the environment but `PATH`.
    pub fn of(arguments: &[&str], input: &[u8]) -> Self {
        use std::io::Write as _;
        let mut command = Command::new(configbus());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("configbus can be started");
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().expect("standard input is piped").write_all(input);
        let output = child.wait_with_output().expect("a child can be waited for");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Returns the run when it succeeded.
    ///
    /// # Panics
    /// Panics with what it printed otherwise.
    #[must_use]
    pub fn expect_ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Reads standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?} {}", self.stdout, self.stderr))
    }
}

/// A running bus with its data folder.
#[derive(Debug)]
pub struct Bus {
    data: TempDir,
    arguments: Vec<String>,
    child: Child,
    endpoints: Endpoints,
}

impl Bus {
    /// Starts a bus with one agent.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a bus with further flags of `configbus up`.
    pub fn with(flags: &[&str]) -> Self {
        let data = TempDir::with_prefix("bus-").expect("a temporary folder can be made");
        let arguments = flags.iter().map(|&flag| flag.to_owned()).collect::<Vec<_>>();
        let (child, endpoints) = launch(data.path(), &arguments);
        Self { data, arguments, child, endpoints }
    }

    /// Returns its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns its addresses.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Returns the URL to clone from.
    pub fn git(&self) -> &str {
        &self.endpoints.git
    }

    /// Returns the base URL of the server.
    pub fn server(&self) -> &str {
        &self.endpoints.server
    }

    /// Returns what readers of the first host see.
    pub fn current(&self) -> PathBuf {
        self.endpoints.agents[0].root.join("current")
    }

    /// Runs a command against its server.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, b"")
    }

    /// Runs a command against its server with input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        Run::of(&[arguments, &["--server", self.server()]].concat(), input)
    }

    /// Returns the process.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.child.kill_alone();
    }

    /// Starts it again on the same data folder.
    pub fn restart(&mut self) {
        let (child, endpoints) = launch(self.data.path(), &self.arguments);
        (self.child, self.endpoints) = (child, endpoints);
    }

    /// Waits until the first host shows this content at a path.
    pub fn shows(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.current().join(path);
        let content = content.as_ref();
        eventually(&format!("{path} is on the host"), || {
            fs::read(&file).ok().filter(|found| found == content).map(drop)
        });
    }

    /// Reads a file as the first host shows it now.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.current().join(path)).ok()
    }
}

fn launch(data: &Path, arguments: &[String]) -> (Child, Endpoints) {
    let ready = data.join("endpoints.json");
    // A bus that was killed leaves the addresses of its last life.
    let _ = fs::remove_file(&ready);
    let mut command = Command::new(configbus());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("up").arg("--data").arg(data);
    for (flag, address) in
        [("--listen", "127.0.0.1:0"), ("--store-listen", "127.0.0.1:0"), ("--agent-listen", "127.0.0.1:0")]
    {
        if !arguments.iter().any(|argument| argument == flag) {
            command.args([flag, address]);
        }
    }
    command.args(arguments);
    let mut child = Child::spawn("configbus up", &mut command, &data.join("up.log")).expect("configbus can be started");
    let endpoints = eventually("the bus is ready", || {
        if let Some(status) = child.ended() {
            panic!("configbus up ended with {status}:\n{}", child.output());
        }
        serde_json::from_slice(&fs::read(&ready).ok()?).ok()
    });
    (child, endpoints)
}
