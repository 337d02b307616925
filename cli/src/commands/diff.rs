//! `configbus diff`: what differs between two revisions.

use super::client;
use crate::{
    args::DiffArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::ChangeShape,
};
use configbus_api::{At, Client, ConfigPath, DiffQuery, LogQuery, Revision};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Differing {
    from: u64,
    to: u64,
    changes: Vec<ChangeShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

impl Render for Differing {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        match &self.patch {
            Some(patch) => patch.lines().try_for_each(|line| writeln!(to, "{}", coloured(line, paint))),
            None => self.changes.iter().try_for_each(|change| writeln!(to, "{} {}", change.letter(), change.path)),
        }
    }
}

fn coloured(line: &str, paint: Paint) -> String {
    match line.as_bytes().first() {
        _ if line.starts_with("diff ") || line.starts_with("+++") || line.starts_with("---") => paint.bold(line),
        Some(b'+') => paint.green(line),
        Some(b'-') => paint.red(line),
        Some(b'@') => paint.cyan(line),
        _ => line.to_owned(),
    }
}

pub(crate) async fn run(args: DiffArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let from = match args.from {
        Some(from) => Some(from).filter(|from| *from != At::Revision(Revision::ZERO)),
        None => before_head(&client, args.path.clone()).await?,
    };
    let query = DiffQuery { from, to: args.to, path: args.path, patch: !args.name_only, ..DiffQuery::default() };
    let difference = client.diff(&query).await?;
    output.show(&Differing {
        from: difference.from.map_or(0, |from| from.head.revision.0),
        to: difference.to.head.revision.0,
        changes: difference.changes.iter().map(ChangeShape::from).collect(),
        patch: difference.patch,
    })
}

/// Returns the point before the head of the namespace that has a path; nothing stands for the empty namespace.
async fn before_head(client: &Client, path: Option<ConfigPath>) -> Result<Option<At>, Failure> {
    let newest = client.log(&LogQuery { path, limit: Some(1), ..LogQuery::default() }).await?;
    Ok(Some(Revision(newest.head.head.revision.0.saturating_sub(1)))
        .filter(|at| *at != Revision::ZERO)
        .map(At::Revision))
}
