//! Flags of the commands that talk to a server.

use super::history::parse_point;
use clap::Args;
use configbus_model::{At, BlobId, ConfigPath, Grant, Namespace, PrincipalName, Revision};
use std::{path::PathBuf, time::Duration};

/// Which server to talk to.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerAddress {
    /// Base URL of the server.
    #[arg(long, env = "CONFIGBUS_SERVER", default_value = "http://127.0.0.1:7420", value_name = "URL")]
    pub(crate) server: String,
    /// For https: file with the certificate authority to believe, instead of those of the system.
    #[arg(long, env = "CONFIGBUS_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// For https: file with the certificate to present.
    #[arg(long, env = "CONFIGBUS_CERTIFICATE", value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// File with the key of the certificate.
    #[arg(long, env = "CONFIGBUS_CERTIFICATE_KEY", value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// File with the access token to give; without it the one in the variable CONFIGBUS_TOKEN, if there is one.
    #[arg(long, env = "CONFIGBUS_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus status
  configbus status --verbose
  configbus status --namespace traffic
  configbus status --output json | jq .hosts
  configbus status --server https://bus.example:7420 --ca /etc/configbus/ca.pem")]
pub(crate) struct StatusArgs {
    /// Also what namespaces take on the server's disk.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Only what concerns this namespace.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<Namespace>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus get ads/limits.json
  configbus get ads/limits.json --revision r41
  configbus get ads/limits.json --revision 14:02      as it was at 14:02 UTC
  configbus get ads/limits.json --output json | jq -r .id")]
pub(crate) struct GetArgs {
    /// File to print.
    pub(crate) path: ConfigPath,
    /// Print it as it was then: a revision (r42), a commit, or a time (14:02, 30m ago).
    #[arg(long, short, value_name = "POINT", value_parser = parse_point)]
    pub(crate) revision: Option<At>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus ls
  configbus ls ads --recursive
  configbus ls ads --revision r41")]
pub(crate) struct LsArgs {
    /// Directory to list; without it the root.
    pub(crate) prefix: Option<ConfigPath>,
    /// List everything below, not only the direct children.
    #[arg(long)]
    pub(crate) recursive: bool,
    /// List it as it was then: a revision (r42), a commit, or a time (14:02, 30m ago).
    #[arg(long, short, value_name = "POINT", value_parser = parse_point)]
    pub(crate) revision: Option<At>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

/// Where new content comes from.
#[derive(Debug, Args)]
pub(crate) struct Content {
    /// File with the content; without it, or with `-`, standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo '{\"max\": 5}' | configbus put ads/limits.json -m 'raise the limit'
  configbus put ads/limits.json limits.json --if-match $(configbus get ads/limits.json --output json | jq -r .id)
  configbus put ads/new.yaml new.yaml --if-absent

Without --if-match or --if-absent the file is replaced whatever is there.")]
pub(crate) struct PutArgs {
    /// Path on the bus.
    pub(crate) path: ConfigPath,
    #[command(flatten)]
    pub(crate) content: Content,
    /// Change it only when this is the id of its content.
    #[arg(long, value_name = "ID", conflicts_with = "if_absent")]
    pub(crate) if_match: Option<BlobId>,
    /// Create it only when nothing is there.
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Mark it executable; otherwise the mode stays what it was.
    #[arg(long)]
    pub(crate) executable: bool,
    /// Validate and check the expectation, change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus rm ads/old.json -m 'unused since May'
  configbus rm ads/old.json --if-match ce013625030ba8dba906f756967f9e9ca394464a")]
pub(crate) struct RmArgs {
    /// File to delete.
    pub(crate) path: ConfigPath,
    /// Delete it only when this is the id of its content.
    #[arg(long, value_name = "ID")]
    pub(crate) if_match: Option<BlobId>,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Check that it could be deleted, change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus edit ads/limits.json -m 'raise the limit'
  EDITOR='code --wait' configbus edit ads/limits.json

Opens $VISUAL, else $EDITOR, else vi. A change that somebody else made meanwhile is never overwritten.")]
pub(crate) struct EditArgs {
    /// File to edit; it is created when nothing is there.
    pub(crate) path: ConfigPath,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus watch ads/limits.json
  configbus watch ads/ traffic/ --output json
  configbus watch / --from r40")]
pub(crate) struct WatchArgs {
    /// Files, or directories with a trailing slash; `/` is everything.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Begin with what changed after this revision instead of the head.
    #[arg(long, value_name = "REV")]
    pub(crate) from: Option<Revision>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus validate
  configbus validate path/to/clone --format json | jq -r '.findings[].path'
  configbus validate --format sarif >findings.sarif
  configbus validate --config /etc/configbus/server.toml
  configbus validate --as ada@example.com --group payments

With --as, owners and rules judge what differs from the commit that is checked out as if that principal pushed it, by
the owners of that commit. Groups come from whoever issues the credential and are named here instead.

Ends with 4 when something would be refused. Needs no server, whose limits it does not know unless they are named.")]
pub(crate) struct ValidateArgs {
    /// Working copy, or any directory.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Settings file of a server or of hooks (TOML), whose limits under `[gate]` hold instead of the defaults.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How the report is written; without it as --output says.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<ReportFormat>,
    /// Who would propose it: owners and rules about the author are judged for them.
    #[arg(long = "as", value_name = "PRINCIPAL")]
    pub(crate) principal: Option<PrincipalName>,
    /// What they may do: reader, writer or admin, each with @NAMESPACE or everywhere.
    #[arg(long = "role", default_value = "writer", value_name = "ROLE", requires = "principal")]
    pub(crate) roles: Vec<Grant>,
    /// A group they are in; may be given several times.
    #[arg(long = "group", value_name = "GROUP", requires = "principal")]
    pub(crate) groups: Vec<PrincipalName>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code review sites and editors.
    Sarif,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus hosts
  configbus hosts --behind --output json
  configbus hosts --namespace traffic")]
pub(crate) struct HostsArgs {
    /// Only hosts that have not applied the head.
    #[arg(long)]
    pub(crate) behind: bool,
    /// Only what concerns this namespace.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<Namespace>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus wait r42
  configbus wait r42 --percent 99.9 --timeout 30s
  configbus wait r7 --namespace traffic

Ends with 7 when the time is up before enough hosts have it.")]
pub(crate) struct WaitArgs {
    /// Revision to wait for.
    #[arg(value_name = "REV")]
    pub(crate) revision: Revision,
    /// Namespace whose revision it is.
    #[arg(long, default_value = "main", value_name = "NAMESPACE")]
    pub(crate) namespace: Namespace,
    /// Share of the known hosts that must have it; of another namespace than main, of those that mount it.
    #[arg(long, default_value_t = 100.0, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) percent: f64,
    /// Give up after, e.g. 500ms, 30s, 5m.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        _ => Err("expected a number over 0 and up to 100".into()),
    }
}

pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("expected a number with a unit such as 500ms, 30s or 5m".into()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a number with a unit such as 500ms, 30s or 5m")?;
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| "it is too long".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit() {
        assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_time("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["", "5", "s", "-1s", "1.5s", "1w", "99999999999999999999s", "9999999999999999h"] {
            assert!(parse_time(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn percentages_are_over_0_and_up_to_100() {
        assert_eq!(parse_percent("99.9%"), Ok(99.9));
        for wrong in ["0", "-1", "100.1", "NaN", "all"] {
            assert!(parse_percent(wrong).is_err(), "{wrong:?}");
        }
    }
}
