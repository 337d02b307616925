//! `configbus ls`: lists files.

use super::{client, other_than_main};
use crate::{
    args::LsArgs,
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::EntryShape,
};
use configbus_api::ListQuery;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Serialize)]
struct Listed {
    /// That has the directory; absent when it is `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    revision: u64,
    entries: Vec<EntryShape>,
}

impl Render for Listed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        for entry in &self.entries {
            match entry.mode {
                "directory" => writeln!(to, "{}/", paint.cyan(&entry.path))?,
                "executable" => writeln!(to, "{}", paint.green(&entry.path))?,
                _ => writeln!(to, "{}", entry.path)?,
            }
        }
        Ok(())
    }
}

pub(crate) async fn run(args: LsArgs, output: Output) -> Result<(), Failure> {
    let query = ListQuery { prefix: args.prefix, at: args.revision, recursive: args.recursive };
    let listing = client(&args.address)?.list(&query).await?;
    let entries = listing.entries.iter().map(EntryShape::from).collect();
    let namespace = other_than_main(&listing.head);
    output.show(&Listed { namespace, revision: listing.head.head.revision.0, entries })
}
