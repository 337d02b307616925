//! Flags of `configbus token`.

use super::client::{ServerAddress, parse_time};
use clap::{Args, Subcommand};
use configbus_model::{Grant, PrincipalName};
use std::{path::PathBuf, time::Duration};

/// Access tokens.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus token create ada@example.com --role writer --expires 90d
  configbus token list --output json
  configbus token revoke 3f9a01c27e

With --data DIR the tokens of the server in that folder are changed without asking it, running or not.")]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it. It is shown this once.
    Create(CreateTokenArgs),
    /// List tokens with what they may do and when they were last used.
    List(ListTokensArgs),
    /// Revoke a token; it is dead when this returns.
    Revoke(RevokeTokenArgs),
}

/// Where tokens are.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokenPlace {
    /// Data folder of a server on this machine, instead of asking one.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus token create ada@example.com --role writer
  configbus token create deploy-bot --role writer@traffic --role reader --expires 90d --note 'pipeline of traffic'
  configbus token create store-1 --role store --data /var/lib/configbus/server >store.token
  configbus token create hosts --role agent --output json | jq -r .token")]
pub(crate) struct CreateTokenArgs {
    /// Who the token speaks for, as owners and rules name them.
    pub(crate) principal: PrincipalName,
    /// What its holder may do: reader, writer or admin, each with @NAMESPACE or everywhere; store or agent for processes.
    #[arg(long = "role", required = true, value_name = "ROLE")]
    pub(crate) roles: Vec<Grant>,
    /// A group its holder is in; may be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<PrincipalName>,
    /// For how long it holds, e.g. 12h or 90d; without it until it is revoked.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) expires: Option<Duration>,
    /// What it is for.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) place: TokenPlace,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus token list
  configbus token list --data /var/lib/configbus/server --output json")]
pub(crate) struct ListTokensArgs {
    #[command(flatten)]
    pub(crate) place: TokenPlace,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus token revoke 3f9a01c27e
  configbus token revoke 3f9a01c27e --data /var/lib/configbus/server")]
pub(crate) struct RevokeTokenArgs {
    /// Id of the token, as the list shows it; the token itself will do.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: TokenPlace,
}
