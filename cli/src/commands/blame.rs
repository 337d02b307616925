//! `configbus blame`: who wrote which line.

use super::client;
use crate::{
    args::BlameArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    time::utc,
};
use configbus_api::{BlameQuery, Blamed, Commit};
use serde::Serialize;
use std::io::{self, Write};

/// Widest name that is shown in full.
const NAME_WIDTH_MAX: usize = 24;

#[derive(Debug, Serialize)]
struct Explained {
    path: String,
    revision: u64,
    lines: Vec<LineShape>,
}

#[derive(Debug, Serialize)]
struct LineShape {
    line: u32,
    /// The landing that brought it; absent when it is not part of this history any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    commit: String,
    author: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    landed_ms: Option<u64>,
    text: String,
}

impl LineShape {
    fn new(number: u32, text: &str, commit: &Commit) -> Self {
        let is_landed = commit.revision.0 > 0;
        Self {
            line: number,
            revision: is_landed.then_some(commit.revision.0),
            commit: commit.id.to_string(),
            author: commit.author.clone(),
            subject: commit.message.clone(),
            landed_ms: is_landed.then_some(commit.landed_ms),
            text: text.to_owned(),
        }
    }

    fn name(&self) -> &str {
        self.author.split(" <").next().unwrap_or_default()
    }
}

impl Render for Explained {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let names = self.lines.iter().map(|line| line.name().chars().count());
        let width = names.max().unwrap_or(0).min(NAME_WIDTH_MAX);
        for line in &self.lines {
            let revision = line.revision.map_or_else(|| "-".to_owned(), |revision| format!("r{revision}"));
            let when = line.landed_ms.map(utc).unwrap_or_default();
            let name: String = line.name().chars().take(width).collect();
            let (revision, when) = (paint.yellow(&format!("{revision:<7}")), paint.dim(&format!("{when:<20}")));
            let name = paint.cyan(&format!("{name:<width$}"));
            writeln!(to, "{revision} {:.8} {name} {when} {:>4}) {}", line.commit, line.line, line.text)?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: BlameArgs, output: Output) -> Result<(), Failure> {
    let client = client(&args.address)?;
    let mut query = BlameQuery { at: args.revision, ..BlameQuery::of(args.path) };
    if let Some(lines) = args.lines {
        (query.first_line, query.line_count) = (Some(lines.first), Some(lines.last - lines.first + 1));
    }
    let mut found: Blamed = client.blame(&query).await?;
    let mut lines = shapes(&found);
    // A long file comes in several answers, all of the revision of the first.
    while let Some(next) = found.next_line().filter(|_| query.line_count.is_none()) {
        let at = Some(configbus_api::At::Revision(found.head.head.revision));
        found = client.blame(&BlameQuery { at, first_line: Some(next), ..query.clone() }).await?;
        lines.extend(shapes(&found));
    }
    output.show(&Explained { path: query.path.to_string(), revision: found.head.head.revision.0, lines })
}

fn shapes(found: &Blamed) -> Vec<LineShape> {
    found.lines.iter().map(|line| LineShape::new(line.number, &line.text, found.commit_of(line))).collect()
}
