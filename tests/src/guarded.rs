//! A bus of separate processes on which everybody proves who they are by tokens.

use crate::{binary::configbus, bus::Run, child::Child, eventually::eventually, ports::fixed_port, rest::Rest};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Server, store and agent; only the server runs at first.
#[derive(Debug)]
pub struct GuardedBus {
    folder: TempDir,
    server_address: String,
    store_address: String,
    server: Option<Child>,
    others: Vec<Child>,
}

impl GuardedBus {
    /// Starts a server that asks for tokens.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("guarded-").expect("a temporary folder can be made");
        let [server_address, store_address] = [(); 2].map(|()| format!("127.0.0.1:{}", fixed_port()));
        let mut bus = Self { folder, server_address, store_address, server: None, others: Vec::new() };
        bus.start_server();
        bus
    }

    /// Returns the URL of the server.
    pub fn url(&self) -> String {
        format!("http://{}", self.server_address)
    }

    /// Returns the data folder of the server.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// Returns what the agent's readers see.
    pub fn current(&self) -> PathBuf {
        self.folder.path().join("host/current")
    }

    /// Returns the URL to clone from, with a token as password.
    pub fn git_as(&self, token: &str) -> String {
        format!("http://anybody:{token}@{}/git/main.git", self.server_address)
    }

    /// Returns the token of the first start.
    pub fn admin(&self) -> String {
        fs::read_to_string(self.data().join("admin.token")).expect("the first start leaves a token").trim().to_owned()
    }

    /// Makes a token beside the server.
    pub fn token(&self, principal: &str, role: &str) -> String {
        let data = self.data().display().to_string();
        let made = Run::of(&["token", "create", principal, "--role", role, "--data", &data], b"").expect_ok();
        made.stdout.trim().to_owned()
    }

    /// Writes a token into a file for processes.
    pub fn token_file(&self, name: &str, token: &str) -> String {
        let file = self.folder.path().join(format!("{name}.token"));
        fs::write(&file, token).expect("a file can be written");
        file.display().to_string()
    }

    /// Runs a command against the server with a token.
    pub fn run_as(&self, token: &str, arguments: &[&str], input: &[u8]) -> Run {
        let file = self.token_file("run", token);
        Run::of(&[arguments, &["--server", &self.url(), "--token-file", &file]].concat(), input)
    }

    /// Starts the server and waits until it is ready.
    pub fn start_server(&mut self) {
        self.start_server_with(&[]);
    }

    /// Starts the server with more settings, as environment variables, and waits until it is ready.
    pub fn start_server_with(&mut self, variables: &[(&str, &str)]) {
        let (data, listen) = (self.data(), self.server_address.clone());
        let flags = ["--data", text(&data), "--listen", &listen, "--auth", "tokens"];
        self.server = Some(self.spawn("server", &flags, variables));
        ready(&self.url());
    }

    /// Kills the server without warning.
    pub fn kill_server(&mut self) {
        self.server.take().expect("the server runs").kill_alone();
    }

    /// Starts a store that gives the server one token and judges those of agents.
    pub fn start_store(&mut self, token: &str) {
        let (data, file) = (self.folder.path().join("store"), self.token_file("store", token));
        let (listen, server) = (self.store_address.clone(), self.url());
        let own = ["--data", text(&data), "--listen", &listen, "--server", &server];
        let store = self.spawn("store", &[&own[..], &["--token-file", &file, "--auth", "tokens"]].concat(), &[]);
        self.others.push(store);
        ready(&format!("http://{}", self.store_address));
    }

    /// Starts an agent of that store. Does not wait for anything.
    pub fn start_agent(&mut self, token: &str) -> &mut Child {
        let (root, file) = (self.folder.path().join("host"), self.token_file("agent", token));
        let store = format!("http://{}", self.store_address);
        let own = ["--root", text(&root), "--listen", "127.0.0.1:0", "--store", &store];
        let agent = self.spawn("agent", &[&own[..], &["--token-file", &file, "--host", "host-1"]].concat(), &[]);
        self.others.push(agent);
        self.others.last_mut().expect("it was added")
    }

    /// Ends the process that was started last.
    pub fn end_last(&mut self) {
        self.others.pop().expect("one was started").kill();
    }

    /// Waits until the host shows this content at a path.
    pub fn shows(&self, path: &str, content: &str) {
        let file = self.current().join(path);
        eventually(&format!("{path} is on the host"), || {
            fs::read_to_string(&file).ok().filter(|found| found == content).map(drop)
        });
    }

    fn spawn(&self, role: &str, flags: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = Command::new(configbus());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).arg(role).args(flags);
        command.envs(variables.iter().copied());
        let log = self.folder.path().join(format!("{role}.log"));
        Child::spawn(role, &mut command, &log).expect("configbus can be started")
    }

    /// Returns everything a role has printed.
    pub fn output(&self, role: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{role}.log"))).unwrap_or_default()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are text")
}

fn ready(url: &str) {
    let rest = Rest::new(url);
    eventually(&format!("{url} is ready"), || rest.is_ok("/readyz").then_some(()));
}
