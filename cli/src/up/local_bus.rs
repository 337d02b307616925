//! Server, store and agents in this process, wired to each other over loopback as they would be over a network.

use super::endpoints::{AgentEndpoint, Endpoints};
use crate::report::Failure;
use anyhow::Context as _;
use configbus_agent::Agent;
use configbus_api::Client;
use configbus_configstore::Store;
use configbus_coordination::{HeadRegistry, ZooKeeperSettings};
use configbus_model::{ErrorKind, Layout};
use configbus_runtime::Tasks;
use configbus_server::Server;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// How often the server is asked whether it knows every host.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Everything about a bus that is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Folder of all parts; absolute.
    pub(crate) data: PathBuf,
    /// Address of the server.
    pub(crate) listen: SocketAddr,
    /// Address of the store.
    pub(crate) store_listen: SocketAddr,
    /// Address of the first agent.
    pub(crate) agent_listen: SocketAddr,
    /// How many agents.
    pub(crate) agents: u16,
    /// ZooKeeper ensemble; the registry is embedded without it.
    pub(crate) zookeeper: Option<String>,
    /// How hosts lay out their files.
    pub(crate) layout: Layout,
}

/// A bus that is ready.
#[derive(Debug)]
pub(crate) struct LocalBus {
    endpoints: Endpoints,
}

impl LocalBus {
    /// Starts all parts and waits until they are ready; `None` when it was stopped before.
    pub(crate) async fn start(plan: &Plan, tasks: &Tasks) -> Result<Option<Self>, Failure> {
        std::fs::create_dir_all(&plan.data).with_context(|| format!("cannot make {}", plan.data.display()))?;
        let server = Server::build(server_settings(plan)).await.map_err(|error| Failure::of(error.kind(), &error))?;
        // Only now is this process the owner of the folder, and what an earlier life has left there is its to remove.
        let _ = std::fs::remove_file(Endpoints::file(&plan.data));
        let server_url = format!("http://{}", server.addr());
        let store = build_store(plan, &server_url, server.registry()).await?;
        let agents = build_agents(plan, &store.url()).await?;
        let endpoints = Endpoints {
            git: format!("{server_url}/git/main.git"),
            server: server_url.clone(),
            store: store.url(),
            agents: agents.iter().map(endpoint_of).collect(),
        };
        let ready = [server.readiness(), store.readiness()];
        server.run(&tasks.child("server"));
        store.run(&tasks.child("store"));
        for (number, agent) in agents.into_iter().enumerate() {
            agent.run(&tasks.child(&format!("agent-{}", number + 1)));
        }
        let stop = tasks.shutdown_token();
        tokio::select! {
            () = stop.cancelled() => Ok(None),
            all_known = async {
                for readiness in ready {
                    readiness.wait().await;
                }
                wait_for_hosts(&server_url, plan.agents).await
            } => all_known.map(|()| Some(Self { endpoints })),
        }
    }

    /// Returns its addresses.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

fn server_settings(plan: &Plan) -> configbus_server::Settings {
    configbus_server::Settings {
        data: plan.data.join("server"),
        listen: plan.listen,
        zookeeper: zookeeper_settings(plan),
        ..Default::default()
    }
}

fn zookeeper_settings(plan: &Plan) -> ZooKeeperSettings {
    plan.zookeeper.as_ref().map_or_else(Default::default, ZooKeeperSettings::for_servers)
}

async fn build_store(plan: &Plan, server: &str, registry: Arc<dyn HeadRegistry>) -> Result<Store, Failure> {
    let settings = configbus_configstore::Settings {
        id: Some("store-1".to_owned()),
        data: plan.data.join("store"),
        listen: plan.store_listen,
        server: server.to_owned(),
        ..Default::default()
    };
    Store::build_with(settings, registry).await.map_err(|error| Failure::of(error.kind(), &error))
}

async fn build_agents(plan: &Plan, store: &str) -> Result<Vec<Agent>, Failure> {
    let mut agents = Vec::new();
    for number in 1..=plan.agents {
        let settings = configbus_agent::Settings {
            root: plan.data.join(format!("host-{number}")),
            stores: vec![store.to_owned()],
            host: Some(format!("host-{number}")),
            layout: plan.layout,
            listen: agent_address(plan.agent_listen, number)?,
            ..Default::default()
        };
        agents.push(Agent::build(settings).await.map_err(|error| Failure::of(error.kind(), &error))?);
    }
    Ok(agents)
}

/// Agents take consecutive ports, or each a free one.
fn agent_address(first: SocketAddr, number: u16) -> Result<SocketAddr, Failure> {
    let port = match first.port() {
        0 => Some(0),
        port => port.checked_add(number - 1),
    };
    let port = port.ok_or_else(|| {
        Failure::new(ErrorKind::Invalid, format!("--agent-listen {first} leaves no port for agent {number}"))
    })?;
    Ok(SocketAddr::new(first.ip(), port))
}

fn endpoint_of(agent: &Agent) -> AgentEndpoint {
    AgentEndpoint { listen: format!("http://{}", agent.addr()), root: agent.root().to_owned() }
}

/// Waits until the server knows every host, so that `configbus wait` counts them from the first change on.
async fn wait_for_hosts(server: &str, agents: u16) -> Result<(), Failure> {
    let client = Client::connect(server).await?;
    loop {
        if client.status().await?.hosts_connected >= u64::from(agents) {
            return Ok(());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_take_consecutive_ports_or_free_ones() {
        let port = |first: &str, number| agent_address(first.parse().unwrap(), number).map(|address| address.port());
        assert_eq!(port("127.0.0.1:7422", 3).unwrap(), 7424);
        assert_eq!(port("127.0.0.1:0", 3).unwrap(), 0);
        assert!(port("127.0.0.1:65535", 2).is_err());
    }
}
