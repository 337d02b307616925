//! Flags of `configbus namespace`.

use super::client::ServerAddress;
use clap::{Args, Subcommand};
use configbus_model::{ConfigPath, Namespace};

/// Namespaces.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus namespace create traffic                    at traffic/
  configbus namespace create ads-web --mount ads/web
  configbus namespace list --output json
  configbus namespace split search --dry-run
  configbus namespace delete traffic

Each namespace is a repository with a history, a policy, roles and a queue of its own; `git clone URL/git/NAME.git` clones
it. All of them are one path space: `configbus put traffic/limits.json` changes a file of the namespace at traffic/.")]
pub(crate) struct NamespaceArgs {
    #[command(subcommand)]
    pub(crate) command: NamespaceCommand,
}

/// What to do with namespaces.
#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Make a namespace and mount it at a directory where no files are.
    Create(CreateNamespaceArgs),
    /// List the namespaces that you may read.
    List(ListNamespacesArgs),
    /// Move a directory of main into a namespace of its own, with its history and its part of the policy.
    Split(SplitArgs),
    /// Unmount a namespace and set its repository aside on the server.
    Delete(DeleteNamespaceArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus namespace create traffic
  configbus namespace create ads-web --mount ads/web")]
pub(crate) struct CreateNamespaceArgs {
    /// Its name: a-z, 0-9 and '-', starting with a letter.
    pub(crate) name: Namespace,
    /// Directory to mount it at; the name when absent.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) mount: Option<ConfigPath>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus namespace list
  configbus namespace list --output json | jq -r '.namespaces[].name'")]
pub(crate) struct ListNamespacesArgs {
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus namespace delete traffic            asks for the name once more
  configbus namespace delete traffic --yes      for scripts")]
pub(crate) struct DeleteNamespaceArgs {
    /// Which.
    pub(crate) name: Namespace,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus namespace split traffic --dry-run
  configbus namespace split traffic
  configbus namespace split ads/web --name ads-web --output json

Paths stay what they are, and no host sees a file change. Writers go on meanwhile: main takes no changes for less than a
second. What of the policy cannot be written for the directory alone is listed, and nothing is done then.")]
pub(crate) struct SplitArgs {
    /// The directory.
    pub(crate) prefix: ConfigPath,
    /// What to call the namespace, if not by the last name of the directory.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<Namespace>,
    /// Only find out whether it can be done, and how its policy would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}
