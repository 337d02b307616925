//! A bus of separate processes, so that each can be killed, stopped and started again on its own.

use crate::{
    binary::configbus, bus::Run, child::Child, eventually::eventually, pki::Authority, ports::fixed_port, rest::Rest,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tempfile::TempDir;

/// Exit code of who is answered and may not do it.
const DENIED: i32 = 6;

/// How a cluster is made.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Whose certificates everybody has and believes; without it everything is plain. The store lets in only who has
    /// one.
    pub authority: Option<Arc<Authority>>,
    /// Further settings of the server, in TOML; without them it is open.
    pub server_settings: Option<String>,
    /// Further variables in the environment of the server.
    pub server_variables: Vec<(String, String)>,
    /// Further settings of the store, in TOML.
    pub store_settings: Option<String>,
    /// ZooKeeper to coordinate through; embedded without it.
    pub zookeeper: Option<String>,
    /// Further flags of the agent.
    pub agent_flags: Vec<String>,
    /// URL the agent subscribes at; the store's own without it.
    pub agent_store: Option<String>,
    /// Where the agent keeps its files; in the cluster's folder without it.
    pub agent_root: Option<PathBuf>,
}

/// One process with everything needed to start it again.
#[derive(Debug)]
pub struct Role {
    name: &'static str,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// What to believe when asking whether it is ready; plain without it.
    ca: Option<PathBuf>,
    log: PathBuf,
    url: String,
    child: Option<Child>,
}

impl Role {
    /// Returns the base URL it answers at.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it. Does not wait until it is ready.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let mut command = Command::new(configbus());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg(self.name).args(&self.arguments);
        self.child = Some(Child::spawn(self.name, &mut command, &self.log).expect("configbus can be started"));
    }

    /// Waits until it says that it is ready.
    pub fn ready(&mut self) {
        let what = format!("{} is ready", self.name);
        let (rest, url, ca) = (Rest::new(&self.url), &self.url, self.ca.as_ref().map(|ca| ca.display().to_string()));
        let is_ready = || match &ca {
            None => rest.is_ok("/readyz"),
            Some(ca) => matches!(Run::of(&["status", "--server", url, "--ca", ca], b"").code, 0 | DENIED),
        };
        let child = self.child.as_mut().expect("it was started");
        eventually(&what, || {
            if let Some(status) = child.ended() {
                panic!("it ended with {status}:\n{}", child.output());
            }
            is_ready().then_some(())
        });
    }

    /// Kills it without warning, and nothing that it started.
    pub fn kill(&mut self) {
        self.child.as_mut().expect("it was started").kill_alone();
        self.child = None;
    }

    /// Asks it to end and waits for that.
    pub fn stop(&mut self) {
        let status = self.child.as_mut().expect("it was started").interrupt();
        assert!(status.success(), "{} ended with {status}", self.name);
        self.child = None;
    }

    /// Returns its process.
    pub fn process(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was started")
    }

    /// Returns everything it has printed in all its lives.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Server, store and agent as separate processes on fixed ports.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    root: PathBuf,
    /// The server.
    pub server: Role,
    /// The store.
    pub store: Role,
    /// The agent.
    pub agent: Role,
}

impl Cluster {
    /// Describes a cluster; nothing is started.
    pub fn plan(plan: &Plan) -> Self {
        let folder = TempDir::with_prefix("cluster-").expect("a temporary folder can be made");
        let at = |name: &str| folder.path().join(name);
        let root = plan.agent_root.clone().unwrap_or_else(|| at("host"));
        let [server, store, agent] = [(); 3].map(|()| format!("127.0.0.1:{}", fixed_port()));
        let scheme = if plan.authority.is_some() { "https" } else { "http" };
        let server_url = format!("{scheme}://{server}");
        let ca = plan.authority.as_ref().map(|authority| authority.file());
        let zookeeper = plan.zookeeper.iter().flat_map(|hosts| ["--zookeeper", hosts]).collect::<Vec<_>>();
        let role = |name: &'static str, listen: &str, folder: &Path, flags: &[&str]| {
            let folder_flag = if name == "agent" { "--root" } else { "--data" };
            let own = [folder_flag, folder.to_str().expect("temporary folders are text"), "--listen", listen];
            let arguments = own.iter().chain(flags).map(|&argument| argument.to_owned()).collect();
            let variables = plan.authority.iter().flat_map(|authority| tls(authority, name));
            let further = if name == "server" { plan.server_variables.clone() } else { Vec::new() };
            let variables = variables.chain(further);
            let (log, url) = (at(&format!("{name}.log")), format!("{scheme}://{listen}"));
            Role { name, arguments, variables: variables.collect(), ca: ca.clone(), log, url, child: None }
        };
        let store_url = plan.agent_store.clone().unwrap_or_else(|| format!("{scheme}://{store}"));
        let agent_flags: Vec<&str> = plan.agent_flags.iter().map(String::as_str).collect();
        let config = |name: &str, settings: &Option<String>| {
            let file = at(&format!("{name}.toml"));
            fs::write(&file, settings.as_deref().unwrap_or_default()).expect("settings can be written");
            file.display().to_string()
        };
        let server_config = config("server", &plan.server_settings);
        let store_config = config("store", &plan.store_settings);
        let auth: &[&str] = if plan.server_settings.is_some() { &[] } else { &["--auth", "none"] };
        let server_flags = [auth, &["--config", &server_config], &zookeeper[..]].concat();
        let store_flags =
            [&["--id", "store-1", "--server", &server_url, "--config", &store_config], &zookeeper[..]].concat();
        Self {
            server: role("server", &server, &at("server"), &server_flags),
            store: role("store", &store, &at("store"), &store_flags),
            agent: role(
                "agent",
                &agent,
                &root,
                &[&["--store", &store_url, "--host", "host-1"], &agent_flags[..]].concat(),
            ),
            root,
            folder,
        }
    }

    /// Starts a cluster and waits until all of it is ready.
    pub fn start(plan: &Plan) -> Self {
        let mut cluster = Self::plan(plan);
        cluster.server.start();
        cluster.server.ready();
        cluster.store.start();
        cluster.agent.start();
        if plan.authority.is_none() {
            cluster.store.ready();
        }
        cluster
    }

    /// Returns the data folder of the server.
    pub fn server_data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// Returns the data folder of the store.
    pub fn store_data(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Returns the root folder of the agent.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the URL to clone from.
    pub fn git(&self) -> String {
        format!("{}/git/main.git", self.server.url)
    }

    /// Reads a file as the host shows it now.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join("current").join(path)).ok()
    }

    /// Waits until the host shows this content at a path.
    pub fn shows(&self, path: &str, content: impl AsRef<[u8]>) {
        eventually(&format!("{path} is on the host"), || {
            self.read(path).filter(|found| found == content.as_ref()).map(drop)
        });
    }

    /// Runs a command against its server.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        let ca = self.server.ca.iter().flat_map(|ca| ["--ca", ca.to_str().expect("temporary folders are text")]);
        Run::of(&[arguments, &["--server", &self.server.url], &ca.collect::<Vec<_>>()].concat(), input)
    }

    /// Runs a command against its server.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, b"")
    }
}

/// Issues what a role needs and says where it is.
fn tls(authority: &Authority, role: &str) -> Vec<(String, String)> {
    let port = || authority.issue(role, &["localhost", "127.0.0.1"]).variables("CONFIGBUS_TLS");
    let client = |prefix: &str| {
        let issued = authority.issue(&format!("{role}-client"), &[&format!("spiffe://test/{role}/1")]);
        let ca = (format!("{prefix}_CA"), authority.file().display().to_string());
        issued.variables(prefix).into_iter().chain([ca])
    };
    let client_ca = ("CONFIGBUS_TLS_CLIENT_CA".to_owned(), authority.file().display().to_string());
    let required = ("CONFIGBUS_TLS_REQUIRE_CLIENT_CERTIFICATE".to_owned(), "true".to_owned());
    match role {
        "server" => port().into_iter().chain([client_ca]).collect(),
        "store" => port().into_iter().chain([client_ca, required]).chain(client("CONFIGBUS_CLIENT_TLS")).collect(),
        _ => client("CONFIGBUS_TLS").collect(),
    }
}
