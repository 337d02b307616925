//! `configbus log`: who changed what when.

use super::client;
use crate::{
    args::LogArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    time::utc,
};
use configbus_api::{Commit, LogQuery};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Logged {
    head: u64,
    commits: Vec<CommitShape>,
}

#[derive(Debug, Serialize)]
struct CommitShape {
    revision: u64,
    id: String,
    author: String,
    message: String,
    landed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    landed_by: Option<String>,
}

impl From<Commit> for CommitShape {
    fn from(commit: Commit) -> Self {
        let Commit { revision, id, author, message, landed_ms, landed_by, .. } = commit;
        Self { revision: revision.0, id: id.to_string(), author, message, landed_ms, landed_by }
    }
}

impl Render for Logged {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        for commit in &self.commits {
            let revision = paint.yellow(&format!("r{:<5}", commit.revision));
            let when = paint.dim(&utc(commit.landed_ms));
            let subject = commit.message.lines().next().unwrap_or_default();
            let author = paint.cyan(&commit.author);
            // Most often they are the same.
            let by = commit.landed_by.as_deref().filter(|by| !commit.author.contains(by));
            let by = by.map(|by| format!(" (by {by})")).unwrap_or_default();
            writeln!(to, "{revision} {:.8} {when} {author}{by}  {subject}", commit.id)?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: LogArgs, output: Output) -> Result<(), Failure> {
    let query = LogQuery {
        path: args.path,
        from: args.from,
        since: args.since,
        limit: Some(args.limit),
        ..LogQuery::default()
    };
    let history = client(&args.address)?.log(&query).await?;
    let commits = history.commits.into_iter().map(Into::into).collect();
    output.show(&Logged { head: history.head.head.revision.0, commits })
}
