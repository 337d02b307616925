//! `configbus put`: creates or changes a file. Also how every changing command says what became of it.

use super::{client, of_namespace, other_than_main};
use crate::{
    args::{Content, PutArgs, ServerAddress},
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    shapes::EntryShape,
};
use configbus_api::{ChangeSet, Edit, EntryMode, ErrorKind, Expected, Landed, NamespaceHead};
use serde::Serialize;
use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write},
    path::Path,
};

/// What became of a change.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    path: String,
    /// `landed`, `unchanged` or `would_land`.
    outcome: &'static str,
    /// Absent when it is `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    revision: u64,
    commit: String,
    /// Absent when the file was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryShape>,
}

impl Changed {
    /// Describes an answer about one path.
    pub(crate) fn of(path: &str, landed: &Landed) -> Self {
        let outcome = if landed.committed { "landed" } else { "unchanged" };
        let head = &landed.head.head;
        let entry = landed.entries.first().and_then(Option::as_ref).map(EntryShape::from);
        let (path, namespace) = (path.to_owned(), other_than_main(&landed.head));
        Self { path, outcome, namespace, revision: head.revision.0, commit: head.commit.to_string(), entry }
    }

    /// Describes a path that was only checked, on a head or on an empty bus.
    fn accepted(path: &str, on: Option<&NamespaceHead>) -> Self {
        let revision = on.map_or(0, |on| on.head.revision.0);
        let commit = on.map(|on| on.head.commit.to_string()).unwrap_or_default();
        let (path, namespace) = (path.to_owned(), on.and_then(other_than_main));
        Self { path, outcome: "would_land", namespace, revision, commit, entry: None }
    }
}

impl Render for Changed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let (path, revision) = (&self.path, of_namespace(self.revision, self.namespace.as_deref()));
        match self.outcome {
            "landed" if self.entry.is_none() => {
                writeln!(to, "{} {path} is gone since {}", paint.green("deleted:"), paint.bold(&revision))
            }
            "landed" => writeln!(to, "{} {path} is in {}", paint.green("landed:"), paint.bold(&revision)),
            "unchanged" => writeln!(to, "{} {path} has this content already, in {revision}", paint.dim("unchanged:")),
            _ => writeln!(to, "{} {path} would land on {revision}", paint.green("accepted:")),
        }
    }
}

pub(crate) async fn run(args: PutArgs, output: Output) -> Result<(), Failure> {
    let content = read(&args.content)?;
    let expected = match (args.if_match, args.if_absent) {
        (Some(id), _) => Expected::Id(id),
        (None, true) => Expected::Absent,
        (None, false) => Expected::Any,
    };
    let edit = Edit::put(args.path.clone(), content, expected);
    let edit = if args.executable { edit.with_mode(EntryMode::Executable) } else { edit };
    let message = args.message.unwrap_or_else(|| format!("put {}", args.path));
    submit(&args.address, ChangeSet::new(message).with(edit), args.dry_run, output).await
}

/// Lands a change of one path, or only has it checked, and prints the outcome.
pub(crate) async fn submit(
    address: &ServerAddress,
    change: ChangeSet,
    dry_run: bool,
    output: Output,
) -> Result<(), Failure> {
    let client = client(address)?;
    let path = change.edits.first().map(|edit| edit.path.to_string()).unwrap_or_default();
    if dry_run {
        return output.show(&Changed::accepted(&path, client.validate(&change).await?.as_ref()));
    }
    output.show(&Changed::of(&path, &client.compare_and_set(&change).await?))
}

fn read(content: &Content) -> Result<Vec<u8>, Failure> {
    match content.file.as_deref().filter(|file| *file != Path::new("-")) {
        Some(file) => fs::read(file).map_err(|error| {
            let kind = if error.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Invalid };
            Failure::new(kind, format!("cannot read {}: {error}", file.display()))
        }),
        None => {
            if io::stdin().is_terminal() {
                eprintln!("type the content and end it with Ctrl-D");
            }
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            Ok(bytes)
        }
    }
}
