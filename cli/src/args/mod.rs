//! The command line: names, flags, defaults and help. Knows nothing of what commands do.
//!
//! Names here are pinned, because scripts and users depend on them.

mod client;
mod decider;
mod flags;
mod history;
mod hook;
mod namespace;
mod roles;
mod token;
mod up;

pub(crate) use client::{
    Content, EditArgs, GetArgs, HostsArgs, LsArgs, PutArgs, ReportFormat, RmArgs, ServerAddress, StatusArgs,
    ValidateArgs, WaitArgs, WatchArgs,
};
pub(crate) use decider::{
    DeciderArgs, DeciderCommand, DeciderKey, GetDeciderArgs, ListDecidersArgs, RampDeciderArgs, SetDeciderArgs,
};
pub(crate) use flags::{EvalFlagArgs, FlagFiles, FlagsArgs, FlagsCommand, LintFlagsArgs};
pub(crate) use history::{BlameArgs, DiffArgs, LogArgs, RevertArgs};
pub(crate) use hook::{HookArgs, HookCommand, HookInstallArgs, RepositoryArgs};
pub(crate) use namespace::{CreateNamespaceArgs, DeleteNamespaceArgs, NamespaceArgs, NamespaceCommand, SplitArgs};
pub(crate) use roles::{AgentArgs, RoleArgs, ServerArgs, StoreArgs};
pub(crate) use token::{CreateTokenArgs, TokenArgs, TokenCommand, TokenPlace};
pub(crate) use up::{DemoArgs, UpArgs};

use crate::output::Format;
use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0 ok         1 failure      2 usage    3 conflict
  4 rejected   5 not found    6 denied   7 unavailable

Start here:
  configbus demo                        a tour in under a minute
  configbus up                          the whole bus in one process, on this machine
  configbus put ads/limits.json <FILE   change a file
  configbus status                      where it is live";

/// Git-backed dynamic configuration bus: push configuration, see it live in running processes.
#[derive(Debug, Parser)]
#[command(name = "configbus", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run server, store and agents in one process, on loopback and without authentication.
    Up(UpArgs),
    /// Take a tour on a temporary bus: push, live callback, refusal, compare-and-set, race, timings.
    Demo(DemoArgs),
    /// Run the server: Git, the API and the gate.
    Server(ServerArgs),
    /// Run a store: a mirror that feeds hosts.
    Store(StoreArgs),
    /// Run the agent of this host: keeps a verified copy on the local disk.
    Agent(AgentArgs),
    /// Print a file.
    Get(GetArgs),
    /// List files.
    Ls(LsArgs),
    /// Create or change a file.
    Put(PutArgs),
    /// Delete a file.
    Rm(RmArgs),
    /// Change a file in your editor.
    Edit(EditArgs),
    /// Show who changed what when.
    Log(LogArgs),
    /// Show what differs between two revisions.
    Diff(DiffArgs),
    /// Show who wrote which line of a file.
    Blame(BlameArgs),
    /// Undo a landing, or make paths what they were, in one new revision.
    Revert(RevertArgs),
    /// Print each change as it happens.
    Watch(WatchArgs),
    /// Say what the server would say about a working copy, without pushing it.
    Validate(ValidateArgs),
    /// Hold pushes to a bare repository hosted elsewhere to the same gate.
    Hook(HookArgs),
    /// Show heads, stores and how many hosts run which revision.
    Status(StatusArgs),
    /// List hosts with what they hold and why they do not hold more.
    Hosts(HostsArgs),
    /// Wait until a revision is live on the hosts.
    Wait(WaitArgs),
    /// Read and change deciders: how much of something is on.
    Decider(DeciderArgs),
    /// Ask flags and features in a folder, and list those to look at.
    Flags(FlagsArgs),
    /// Make, list and delete namespaces: repositories of their own in the one path space.
    Namespace(NamespaceArgs),
    /// Make, list and revoke access tokens.
    Token(TokenArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Examples:
  configbus completion bash >/etc/bash_completion.d/configbus
  configbus completion zsh >\"${fpath[1]}/_configbus\"
  configbus completion fish >~/.config/fish/completions/configbus.fish")]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("configbus ") && help.starts_with("Example"), "{}", command.get_name());
        }
    }
}
