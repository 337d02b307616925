//! Flags of `configbus decider`.

use super::ServerAddress;
use clap::{Args, Subcommand};
use configbus_model::ConfigPath;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus decider list web/decider.yml
  configbus decider get web/decider.yml new_db
  configbus decider set web/decider.yml new_db 2500 -m 'a quarter of the users'
  configbus decider set web/decider.yml new_db 0 -m 'off: errors on the new database'
  configbus decider ramp web/decider.yml new_db --to 10000 --step 1000 --every 5m

Values are ten-thousandths. Only the number changes in the file; comments and order stay.")]
pub(crate) struct DeciderArgs {
    #[command(subcommand)]
    pub(crate) command: DeciderCommand,
}

/// What to do with deciders.
#[derive(Debug, Subcommand)]
pub(crate) enum DeciderCommand {
    /// Print the value of a key.
    Get(GetDeciderArgs),
    /// Give a key a value, without touching the rest of the file.
    Set(SetDeciderArgs),
    /// List the keys of a file, with owners and what has expired.
    List(ListDecidersArgs),
    /// Move a key step by step to a value, one change per step.
    Ramp(RampDeciderArgs),
}

/// Which key.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeciderKey {
    /// File of deciders or an overlay.
    pub(crate) path: ConfigPath,
    /// Key in it.
    #[arg(id = "decider_key", value_name = "KEY")]
    pub(crate) key: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  configbus decider get web/decider.yml new_db --output json | jq .value")]
pub(crate) struct GetDeciderArgs {
    #[command(flatten)]
    pub(crate) key: DeciderKey,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus decider set web/decider.yml new_db 2500 -m 'a quarter'
  configbus decider set overlays/web/api/prod/atla/decider_overlay.yml new_db 0

The file is changed only if it still is what was read; somebody else's change in between is kept, and the value set again.
A key that the file does not have is added, and said so.")]
pub(crate) struct SetDeciderArgs {
    #[command(flatten)]
    pub(crate) key: DeciderKey,
    /// Ten-thousandths, or any number where the key is of kind int.
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: i64,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus decider list web/decider.yml
  configbus decider list web/decider.yml --expired")]
pub(crate) struct ListDecidersArgs {
    /// File of deciders or an overlay.
    pub(crate) path: ConfigPath,
    /// List only keys that should be gone by now.
    #[arg(long)]
    pub(crate) expired: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus decider ramp web/decider.yml new_db --to 10000 --step 1000 --every 5m
  configbus decider ramp web/decider.yml new_db --to 0 --step 2500 --every 30s

Stops when somebody else changes the key in between: then it is theirs.")]
pub(crate) struct RampDeciderArgs {
    #[command(flatten)]
    pub(crate) key: DeciderKey,
    /// Value at the end.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub(crate) to: i64,
    /// How far each step goes.
    #[arg(long, value_name = "VALUE", default_value = "1000", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) step: i64,
    /// Time between steps, e.g. 30s, 5m, 1h.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::client::parse_time)]
    pub(crate) every: Duration,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}
