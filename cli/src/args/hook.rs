//! Flags of `configbus hook`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus hook install /srv/git/config.git --zookeeper zk-1:2181,zk-2:2181
  configbus hook install /srv/git/ads.git --namespace ads --server https://bus:7420 --token-file /etc/configbus/ads.token
  configbus hook install /srv/git/config.git --principal-variable GL_USER --admin ada
  configbus hook check /srv/git/config.git
  configbus hook announce /srv/git/config.git
  configbus hook uninstall /srv/git/config.git

For a bare repository that is pushed to over SSH or a file path and that no configbus server looks after. Its settings are
in configbus.toml there; the section [gate] is that of a server.")]
pub(crate) struct HookArgs {
    #[command(subcommand)]
    pub(crate) command: HookCommand,
}

/// What to do with the hooks of a repository.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Hold every push to the gate, and announce what lands.
    Install(Box<HookInstallArgs>),
    /// Take the hooks and their settings away.
    Uninstall(RepositoryArgs),
    /// Say whether the hooks are in place and their settings hold.
    Check(RepositoryArgs),
    /// Announce what main is now; makes up for what a push could not announce.
    Announce(RepositoryArgs),
    /// What Git runs before a push enters.
    #[command(hide = true)]
    PreReceive,
    /// What Git runs after a push has landed.
    #[command(hide = true)]
    PostReceive,
}

#[derive(Debug, Args)]
pub(crate) struct RepositoryArgs {
    /// The bare repository.
    #[arg(value_name = "REPO")]
    pub(crate) repository: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HookInstallArgs {
    /// The bare repository.
    #[arg(value_name = "REPO")]
    pub(crate) repository: PathBuf,
    /// Name under which heads are announced; main without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// ZooKeeper ensemble that heads are announced to.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) zookeeper: Option<String>,
    /// Server whose own registry heads are announced to, where there is no ZooKeeper.
    #[arg(long, value_name = "URL", conflicts_with = "zookeeper")]
    pub(crate) server: Option<String>,
    /// File with the access token to give to the server: of a writer of the namespace.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file with the authorities that may vouch for the server; without it those of the system.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file with the certificate to present to the server.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) key: Option<PathBuf>,
    /// Environment variable in which the host of the repository names who pushes, such as GL_USER.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal_variable: Option<String>,
    /// Who may change policy; may be given several times.
    #[arg(long = "admin", value_name = "PRINCIPAL", requires = "principal_variable")]
    pub(crate) admins: Vec<String>,
}
