//! Flags of the commands that run a whole bus.

use clap::Args;
use configbus_model::Layout;
use std::{net::SocketAddr, path::PathBuf};

/// Most agents in one process; enough to see fan-out, few enough for one machine's descriptors.
const AGENTS_MAX: i64 = 64;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus up
  configbus up --data /srv/bus --agents 3 --layout linked
  configbus up --listen 127.0.0.1:0 --store-listen 127.0.0.1:0 --agent-listen 127.0.0.1:0
  configbus up --zookeeper 10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/configbus

What the hosts see is in DATA/host-1/current/, DATA/host-2/current/, …
DATA/endpoints.json appears when everything is ready and holds every address.")]
pub(crate) struct UpArgs {
    /// Folder for everything; found again at the next start.
    #[arg(long, default_value = "configbus-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Address of the server; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:7420", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Address of the store.
    #[arg(long, default_value = "127.0.0.1:7421", value_name = "ADDR")]
    pub(crate) store_listen: SocketAddr,
    /// Address of the first agent; further ones take the ports after it.
    #[arg(long, default_value = "127.0.0.1:7422", value_name = "ADDR")]
    pub(crate) agent_listen: SocketAddr,
    /// Simulated hosts.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=AGENTS_MAX))]
    pub(crate) agents: u16,
    /// Coordinate through this ZooKeeper ensemble instead of the embedded registry.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) zookeeper: Option<String>,
    /// How hosts lay out their files.
    #[arg(long, default_value_t, value_name = "plain|linked")]
    pub(crate) layout: Layout,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  configbus demo

Everything happens in a temporary folder on loopback and is removed at the end. Needs git.")]
pub(crate) struct DemoArgs {}
