//! Flags of `configbus flags`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus flags eval new-cart --context '{\"targetingKey\": \"ada\", \"country\": \"DE\"}'
  configbus flags eval checkout/cart.batch --context @context.json --explain
  configbus flags lint --dir /var/lib/configbus

Both read a working copy, a tree, or the folder of an agent; nothing is asked over the network.")]
pub(crate) struct FlagsArgs {
    #[command(subcommand)]
    pub(crate) command: FlagsCommand,
}

/// What to do with flags.
#[derive(Debug, Subcommand)]
pub(crate) enum FlagsCommand {
    /// Tell what a flag, a feature or its parameter is for somebody.
    Eval(EvalFlagArgs),
    /// List switches to look at: expired, without effect, leading nowhere; with their owners.
    Lint(LintFlagsArgs),
}

/// Where the files are.
#[derive(Debug, Args)]
pub(crate) struct FlagFiles {
    /// A working copy, or the folder of an agent.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The moment to judge by, such as 2027-01-01 or 2027-01-01T12:00:00Z; now by default.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus flags eval new-cart --context '{\"targetingKey\": \"ada\"}' --output json | jq .value
  configbus flags eval checkout/cart --at 2027-01-01 --explain
  configbus flags eval new-cart --dir /var/lib/configbus --context @context.json")]
pub(crate) struct EvalFlagArgs {
    /// Key of a flag or a feature, or of a feature's parameter: FEATURE.PARAMETER.
    pub(crate) key: String,
    /// For whom: a JSON object, or @FILE with one.
    #[arg(long, short, value_name = "JSON", default_value = "{}")]
    pub(crate) context: String,
    /// Tell every step of the decision.
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) files: FlagFiles,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus flags lint
  configbus flags lint --at 2027-06-01         # what will be over by then
  configbus flags lint --strict                # fails if there is anything, for CI
  configbus flags lint --source ~/shop --source ~/search    # and what no program names any more

Looks through flags, features, deciders and experiments. With --source also for switches, toggles included, whose key stands nowhere in
the sources: give all repositories that may ask. Keys that programs put together while they run are not found.")]
pub(crate) struct LintFlagsArgs {
    /// Fail if there is anything to look at.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Sources of programs, to list switches that none of them names; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) files: FlagFiles,
}
