//! `configbus log`: who changed what when.

use super::{client, other_than_main};
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

/// Commits asked for at once: all that a server answers.
const PAGE_COMMITS: usize = 1_000;

#[derive(Debug, Serialize)]
struct Logged {
    /// Whose history; absent when it is that of `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
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

/// Asks for pages until there are as many commits as wanted, or no more.
pub(crate) async fn run(args: LogArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let mut query = LogQuery { path: args.path, from: args.from, since: args.since, ..LogQuery::default() };
    let mut commits: Vec<CommitShape> = Vec::new();
    let wanted = args.limit as usize;
    let head = loop {
        let left = (wanted - commits.len()).min(PAGE_COMMITS);
        query.limit = u32::try_from(left).ok();
        let page = client.log(&query).await?;
        commits.extend(page.commits.into_iter().map(CommitShape::from));
        query.page_token = page.next;
        if query.page_token.is_none() || commits.len() >= wanted {
            break page.head;
        }
    };
    let namespace = other_than_main(&head);
    output.show(&Logged { namespace, head: head.head.revision.0, commits })
}
