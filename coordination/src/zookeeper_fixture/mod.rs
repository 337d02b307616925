//! Real ZooKeeper servers for tests and benches, from the distribution's package, on loopback and in a temporary
//! folder. They end with the process that started them, however it ends.
//!
//! Everything here blocks: in async tests use a multi-threaded runtime.

mod ports;
mod process;

use process::{Process, four_letters};
use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long servers may take to answer. A JVM starts in a second; a loaded machine with two cores needs more.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

const JAR: &str = "/usr/share/java/zookeeper.jar";

/// Why there is no ZooKeeper.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// Something is missing on this machine.
    #[error("{what} not found: install it with `apt-get install zookeeper default-jre-headless`")]
    NotInstalled {
        /// What was looked for.
        what: String,
    },
    /// A server does not come up.
    #[error("zookeeper server {server} is not ready after {} s, its log ends with:\n{log}", READY_TIMEOUT.as_secs())]
    NotReady {
        /// Which one.
        server: usize,
        /// The end of its log.
        log: String,
    },
    /// The ensemble has no leader.
    #[error("no leader after {} s", READY_TIMEOUT.as_secs())]
    NoLeader,
    /// The machine refused something.
    #[error("failed to {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn io_error(operation: &'static str) -> impl FnOnce(io::Error) -> FixtureError {
    move |source| FixtureError::Io { operation, source }
}

/// One ZooKeeper server or an ensemble of several. Servers are numbered from 0 and keep address and data over
/// restarts. Dropping it stops them and removes their data.
pub struct ZooKeeperFixture {
    servers: Vec<Server>,
    _folder: TempDir,
}

struct Server {
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl ZooKeeperFixture {
    /// Starts one server and waits until it serves.
    pub fn single() -> Result<Self, FixtureError> {
        Self::started(1)
    }

    /// Starts an ensemble of `size` servers and waits until all serve.
    pub fn ensemble(size: usize) -> Result<Self, FixtureError> {
        Self::started(size)
    }

    fn started(size: usize) -> Result<Self, FixtureError> {
        let mut fixture = Self::prepared(size)?;
        for server in 0..size {
            fixture.start(server)?;
        }
        fixture.wait_ready()?;
        Ok(fixture)
    }

    /// Chooses addresses and writes settings for `size` servers and starts none of them.
    pub fn prepared(size: usize) -> Result<Self, FixtureError> {
        if !Path::new(JAR).exists() {
            return Err(FixtureError::NotInstalled { what: format!("ZooKeeper ({JAR})") });
        }
        let folder = TempDir::with_prefix("zookeeper-").map_err(io_error("make a temporary folder"))?;
        let ports = ports::free(size * 3).map_err(io_error("find free ports"))?;
        let (client_ports, peer_ports) = ports.split_at(size);
        let peers: String = peer_ports
            .chunks(2)
            .enumerate()
            .filter(|_| size > 1)
            .map(|(id, ports)| format!("server.{}=127.0.0.1:{}:{}\n", id + 1, ports[0], ports[1]))
            .collect();
        let server = |(id, port): (usize, &u16)| write_settings(&folder.path().join(id.to_string()), id, *port, &peers);
        let servers = client_ports.iter().enumerate().map(server).collect::<io::Result<Vec<_>>>();
        Ok(Self { servers: servers.map_err(io_error("write settings of zookeeper"))?, _folder: folder })
    }

    /// Returns `HOST:PORT` of all servers, separated by commas.
    pub fn connect_string(&self) -> String {
        let addresses: Vec<String> = (0..self.servers.len()).map(|server| self.address(server)).collect();
        addresses.join(",")
    }

    /// Returns `HOST:PORT` of one server.
    pub fn address(&self, server: usize) -> String {
        format!("127.0.0.1:{}", self.servers[server].port)
    }

    /// Starts a server that does not run, on the data it has. Returns before it serves.
    pub fn start(&mut self, server: usize) -> Result<(), FixtureError> {
        let Server { folder, process, .. } = &mut self.servers[server];
        if process.is_none() {
            *process = Some(Process::start(folder, JAR)?);
        }
        Ok(())
    }

    /// Waits until every server that runs serves clients.
    pub fn wait_ready(&self) -> Result<(), FixtureError> {
        let running = self.servers.iter().enumerate().filter(|(_, server)| server.process.is_some());
        for (index, server) in running {
            if !wait_until(|| mode(server.port).is_some()) {
                return Err(FixtureError::NotReady { server: index, log: process::log_end(&server.folder) });
            }
        }
        Ok(())
    }

    /// Ends a server the way an operator does.
    pub fn stop(&mut self, server: usize) {
        if let Some(process) = self.servers[server].process.take() {
            process.stop();
        }
    }

    /// Ends a server the way a power cut does.
    pub fn kill(&mut self, server: usize) {
        self.servers[server].process = None;
    }

    /// Kills a server, starts it on the same data and waits until it serves.
    pub fn restart(&mut self, server: usize) -> Result<(), FixtureError> {
        self.kill(server);
        self.start(server)?;
        self.wait_ready()
    }

    /// Removes the data of a server that does not run.
    pub fn wipe(&mut self, server: usize) -> Result<(), FixtureError> {
        let data = self.servers[server].folder.join("data").join("version-2");
        std::fs::remove_dir_all(data).map_err(io_error("remove data of zookeeper"))
    }

    /// Stops a server from running without its connections being closed.
    pub fn pause(&self, server: usize) {
        if let Some(process) = &self.servers[server].process {
            process.pause();
        }
    }

    /// Lets a paused server run again.
    pub fn resume(&self, server: usize) {
        if let Some(process) = &self.servers[server].process {
            process.resume();
        }
    }

    /// Waits until a server is the leader, or stands alone, and returns it.
    pub fn leader(&self) -> Result<usize, FixtureError> {
        let leads = |server: &Server| matches!(mode(server.port).as_deref(), Some("leader" | "standalone"));
        let mut leader = None;
        wait_until(|| {
            leader = self.servers.iter().position(|server| server.process.is_some() && leads(server));
            leader.is_some()
        });
        leader.ok_or(FixtureError::NoLeader)
    }
}

fn write_settings(folder: &Path, id: usize, port: u16, peers: &str) -> io::Result<Server> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    std::fs::write(data.join("myid"), (id + 1).to_string())?;
    // A short tick for short session timeouts; hundreds of clients come from one address.
    let settings = format!(
        "tickTime=500\ninitLimit=40\nsyncLimit=10\nmaxSessionTimeout=60000\nmaxClientCnxns=0\n\
         admin.enableServer=false\n4lw.commands.whitelist=srvr\n\
         dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n{peers}",
        data.display()
    );
    std::fs::write(folder.join("zoo.cfg"), settings)?;
    Ok(Server { folder: folder.to_owned(), port, process: None })
}

/// Returns `standalone`, `leader` or `follower` of a server that serves.
fn mode(port: u16) -> Option<String> {
    let answer = four_letters(port, "srvr").ok()?;
    answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(ToOwned::to_owned)
}

fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + READY_TIMEOUT;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        thread::sleep(POLL);
    }
    false
}
