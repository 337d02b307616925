//! Flags of the commands that run one role. They override the settings file and the environment.

use crate::process::LogFormat;
use clap::Args;
use configbus_model::Layout;
use std::{net::SocketAddr, path::PathBuf};

/// What every role takes.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Settings file (TOML). Each key may also come from the environment as `CONFIGBUS_KEY`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Validate the settings, print what they amount to, and run nothing.
    #[arg(long)]
    pub(crate) check: bool,
    /// How log lines look. CONFIGBUS_LOG filters them, e.g. `info` or `configbus_server=debug`.
    #[arg(long, env = "CONFIGBUS_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogLines,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum LogLines {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl From<LogLines> for LogFormat {
    fn from(lines: LogLines) -> Self {
        match lines {
            LogLines::Text => Self::Text,
            LogLines::Json => Self::Json,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus server --config /etc/configbus/server.toml
  configbus server --config server.toml --check
  configbus server --data /srv/bus --listen 127.0.0.1:7420 --auth tokens")]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address of Git, the API, metrics.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// ZooKeeper ensemble; without it the registry is embedded in the server.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) zookeeper: Option<String>,
    /// How callers prove who they are: `tokens`, or `none`, which must be said beyond loopback.
    #[arg(long, value_name = "MODE")]
    pub(crate) auth: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus store --config /etc/configbus/store.toml
  configbus store --data /srv/store --server https://bus:7420 --token-file store.token --auth tokens")]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Name of this store, stable over restarts.
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address agents subscribe at.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Server to follow.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File with the access token to give to the server.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How agents prove who they are: `tokens`, or `none`, which must be said beyond loopback.
    #[arg(long, value_name = "MODE")]
    pub(crate) auth: Option<String>,
    /// ZooKeeper ensemble; without it heads come from the server.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) zookeeper: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus agent --config /etc/configbus/agent.toml
  configbus agent --root /var/lib/configbus --store http://store-1:7421 --store http://store-2:7421
  configbus agent --root ./host --server http://127.0.0.1:7420 --layout linked

Programs on the host read the files in ROOT/current, or ask for flags on --listen and on ROOT/http.sock:
  OFREP    http://127.0.0.1:7422/ofrep/v1/evaluate/flags
  flagd    127.0.0.1:7422, gRPC without TLS: flagd.evaluation.v1 and v2 (rpc), flagd.sync.v1 (in-process)")]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Folder with what readers see.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Store to subscribe to; may be given several times.
    #[arg(long = "store", value_name = "URL")]
    pub(crate) stores: Vec<String>,
    /// Server to learn stores from.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File with the access token to give to stores and server.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Name of this host.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Loopback address of status, metrics, readiness and flags.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// How files are laid out.
    #[arg(long, value_name = "plain|linked")]
    pub(crate) layout: Option<Layout>,
}
