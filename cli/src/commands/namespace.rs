//! `configbus namespace`: repositories of their own in the one path space.

mod split;

use super::client;
use crate::{
    args::{CreateNamespaceArgs, DeleteNamespaceArgs, NamespaceCommand},
    output::{Output, Render},
    paint::Paint,
    report::Failure,
    table::Table,
};
use configbus_api::{ErrorKind, NamespaceInfo, NamespaceMount};
use serde::Serialize;
use std::io::{self, BufRead as _, IsTerminal as _, Write};

#[derive(Debug, Serialize)]
struct NamespaceShape {
    name: String,
    /// Directory in the one path space, empty for the root; absent when it is mounted nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    epoch: u64,
    /// Absent before the first commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

#[derive(Debug, Serialize)]
struct Listed {
    namespaces: Vec<NamespaceShape>,
}

#[derive(Debug, Serialize)]
struct Created {
    /// Whether it was not there before; else it is only mounted now.
    created: bool,
    #[serde(flatten)]
    namespace: NamespaceShape,
}

#[derive(Debug, Serialize)]
struct Deleted {
    deleted: NamespaceShape,
    /// Where the server keeps its repository.
    kept_at: String,
}

impl From<NamespaceInfo> for NamespaceShape {
    fn from(info: NamespaceInfo) -> Self {
        let mount = match info.mount {
            NamespaceMount::Root => Some(String::new()),
            NamespaceMount::At(prefix) => Some(prefix.to_string()),
            NamespaceMount::Nowhere => None,
        };
        let head = info.head.map(|head| head.head);
        Self {
            name: info.name.to_string(),
            mount,
            epoch: info.epoch.0,
            revision: head.as_ref().map(|head| head.revision.0),
            commit: head.map(|head| head.commit.to_string()),
        }
    }
}

impl NamespaceShape {
    fn place(&self) -> String {
        self.mount.as_ref().map_or_else(|| "-".to_owned(), |mount| format!("{mount}/"))
    }
}

impl Render for Listed {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let mut table = Table::new(["namespace", "at", "revision", "commit"]);
        for namespace in &self.namespaces {
            let revision = namespace.revision.map_or_else(|| "-".to_owned(), |revision| format!("r{revision}"));
            let commit = namespace.commit.as_ref().map_or_else(|| "-".to_owned(), |commit| format!("{commit:.8}"));
            table.row([namespace.name.clone(), namespace.place(), revision, commit]);
        }
        table.write(to, paint)
    }
}

impl Render for Created {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let (name, place) = (&self.namespace.name, self.namespace.place());
        let what = if self.created { "created:" } else { "mounted:" };
        writeln!(to, "{} {name} is at {place}; clone it from /git/{name}.git", paint.green(what))
    }
}

impl Render for Deleted {
    fn text(&self, to: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let name = &self.deleted.name;
        writeln!(to, "{} {name}; the server keeps its repository at {}", paint.green("deleted:"), self.kept_at)
    }
}

pub(crate) async fn run(command: NamespaceCommand, output: Output) -> Result<(), Failure> {
    match command {
        NamespaceCommand::Create(args) => create(args, output).await,
        NamespaceCommand::List(args) => {
            let namespaces = client(&args.address)?.namespaces().await?;
            output.show(&Listed { namespaces: namespaces.into_iter().map(Into::into).collect() })
        }
        NamespaceCommand::Split(args) => split::run(args, output).await,
        NamespaceCommand::Delete(args) => delete(args, output).await,
    }
}

async fn create(args: CreateNamespaceArgs, output: Output) -> Result<(), Failure> {
    let (info, created) = client(&args.address)?.create_namespace(&args.name, args.mount.as_ref()).await?;
    output.show(&Created { created, namespace: info.into() })
}

async fn delete(args: DeleteNamespaceArgs, output: Output) -> Result<(), Failure> {
    if !args.yes {
        confirm(args.name.as_str())?;
    }
    let (info, kept_at) = client(&args.address)?.delete_namespace(&args.name).await?;
    output.show(&Deleted { deleted: info.into(), kept_at })
}

/// Asks for the name once more. Who cannot be asked has to say `--yes`.
fn confirm(name: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let text = format!("deleting {name} takes its files off every host; nobody is there to confirm it");
        return Err(Failure::new(ErrorKind::Invalid, text).with_hint("say --yes if that is what you want"));
    }
    eprint!("this takes the files of {name} off every host; type its name to go on: ");
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim() == name {
        return Ok(());
    }
    Err(Failure::new(ErrorKind::Invalid, format!("{:?} is not {name}: nothing is deleted", typed.trim())))
}
