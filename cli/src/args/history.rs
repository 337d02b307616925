//! Flags of the commands that ask history, and of the one that undoes.

use super::ServerAddress;
use crate::time::now_ms;
use clap::Args;
use configbus_model::{At, ConfigPath};

/// Reads a revision, a commit or a time.
pub(super) fn parse_point(text: &str) -> Result<At, String> {
    At::parse(text, now_ms()).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus log
  configbus log ads/limits.json --limit 5
  configbus log --from r40 --output json
  configbus log ads --since 2h
  configbus log --since 2026-02-28T09:00:00Z --from 2026-02-28T17:00:00Z

A point in history is a revision (r42), a commit (its first 7 digits or more), or a time in UTC (2026-02-28T14:02:00Z, 14:02, 30m ago).")]
pub(crate) struct LogArgs {
    /// Only changes of this file or directory.
    pub(crate) path: Option<ConfigPath>,
    /// Start at this point instead of the head.
    #[arg(long, value_name = "POINT", value_parser = parse_point)]
    pub(crate) from: Option<At>,
    /// Only what landed after this point.
    #[arg(long, value_name = "POINT", value_parser = parse_point)]
    pub(crate) since: Option<At>,
    /// Show at most this many.
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus diff                 what the last change did
  configbus diff r40             what changed since r40
  configbus diff 14:02           what changed since 14:02 UTC
  configbus diff r40 r42 --path ads
  configbus diff r40 --name-only")]
pub(crate) struct DiffArgs {
    /// Older point in history: a revision, a commit or a time; without it the revision before the head.
    #[arg(value_parser = parse_point)]
    pub(crate) from: Option<At>,
    /// Newer point in history; without it the head.
    #[arg(value_parser = parse_point)]
    pub(crate) to: Option<At>,
    /// Only this file or directory.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<ConfigPath>,
    /// List the paths, not their lines.
    #[arg(long)]
    pub(crate) name_only: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus blame ads/limits.json
  configbus blame ads/limits.json --revision r41
  configbus blame ads/limits.json -L 10,20
  configbus blame ads/limits.json --output json | jq -r '.lines[].author' | sort | uniq -c")]
pub(crate) struct BlameArgs {
    /// File to explain.
    pub(crate) path: ConfigPath,
    /// Explain it as it was then: a revision, a commit or a time.
    #[arg(long, short, value_name = "POINT", value_parser = parse_point)]
    pub(crate) revision: Option<At>,
    /// Only these lines, from 1, e.g. 10,20.
    #[arg(long, short = 'L', value_name = "FIRST,LAST", value_parser = parse_lines)]
    pub(crate) lines: Option<Lines>,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

/// A range of lines, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

fn parse_lines(text: &str) -> Result<Lines, String> {
    let read = |text: &str| text.trim().parse::<u32>().ok().filter(|line| *line > 0);
    let (first, last) = text.split_once(',').unwrap_or((text, text));
    match (read(first), read(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Lines { first, last }),
        _ => Err("expected two line numbers from 1 on, such as 10,20".into()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  configbus revert r57                            undo what r57 did
  configbus revert r57 ads/limits.json            only to this file
  configbus revert --to r42 ads/                  make ads/ what it was at r42
  configbus revert --to 14:02 ads/limits.json     as it was at 14:02 UTC
  configbus revert --to '30m ago' / --dry-run     what would bring everything back

Undo is a new revision that the gate judges like any other. A landing whose files others have changed since conflicts: restore
the files with --to instead, which undoes the later changes as well. Points in history are revisions (r42), commits (their first
7 digits or more) and times in UTC (2026-02-28T14:02:00Z, 14:02, 30m ago).")]
pub(crate) struct RevertArgs {
    /// The landing to undo; with --to the files and directories to restore, `/` for everything. Paths after a landing limit
    /// what is undone.
    #[arg(required = true, value_name = "LANDING|PATH")]
    pub(crate) what: Vec<String>,
    /// Make the paths what they were at this point in history.
    #[arg(long, value_name = "POINT", value_parser = parse_point)]
    pub(crate) to: Option<At>,
    /// Why, for the log.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Show what would change and what the gate says, change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) address: ServerAddress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_range_from_1() {
        assert_eq!(parse_lines("10,20"), Ok(Lines { first: 10, last: 20 }));
        assert_eq!(parse_lines("7"), Ok(Lines { first: 7, last: 7 }));
        for wrong in ["", "0,3", "5,4", "a,b", "1,2,3"] {
            assert!(parse_lines(wrong).is_err(), "{wrong:?}");
        }
    }
}
