//! `configbus watch`: prints each change as it happens, until it is interrupted.

use super::{client, other_than_main};
use crate::{
    args::WatchArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::ChangeShape,
    time::utc,
};
use configbus_api::{ErrorKind, Update, WatchPath, WatchQuery};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Happened {
    /// Whose revision; absent when it is one of `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    revision: u64,
    from_revision: u64,
    commit: String,
    landed_ms: u64,
    changes: Vec<ChangeShape>,
    /// Directory that became the namespace; its files have not changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
}

impl Render for Happened {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let revision = paint.yellow(&format!("r{:<5}", self.revision));
        let when = paint.dim(&utc(self.landed_ms));
        if let (Some(prefix), Some(namespace)) = (&self.moved, &self.namespace) {
            writeln!(to, "{revision} {when} {} {prefix}/ is the namespace {namespace} now", paint.cyan(">"))?;
        }
        for change in &self.changes {
            let letter = match change.letter() {
                "A" => paint.green("A"),
                "D" => paint.red("D"),
                _ => paint.cyan("M"),
            };
            writeln!(to, "{revision} {when} {letter} {}", change.path)?;
        }
        Ok(())
    }
}

impl From<&Update> for Happened {
    fn from(update: &Update) -> Self {
        let head = &update.head.head;
        Self {
            namespace: other_than_main(&update.head),
            moved: update.moved.as_ref().map(ToString::to_string),
            revision: head.revision.0,
            from_revision: update.from.0,
            commit: head.commit.to_string(),
            landed_ms: head.time_ms,
            changes: update.changes.iter().map(Into::into).collect(),
        }
    }
}

pub(crate) async fn run(args: WatchArgs, output: Output) -> Result<(), Failure> {
    let query = WatchQuery { paths: places(&args.paths)?, after: args.from, ..WatchQuery::default() };
    let mut watch = client(&args.address)?.watch(&query).await?;
    while let Some(update) = watch.next().await {
        let update = update?;
        if !update.is_heartbeat() {
            output.show(&Happened::from(&update))?;
        }
    }
    Ok(())
}

/// Everything is written `/` by users and as an empty list on the wire.
fn places(paths: &[String]) -> Result<Vec<WatchPath>, Failure> {
    if paths.iter().any(|path| path == "/") {
        return Ok(Vec::new());
    }
    let parse = |path: &String| path.parse().map_err(|error| Failure::of(ErrorKind::Invalid, &error));
    paths.iter().map(parse).collect()
}
