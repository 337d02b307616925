//! What people use today to bring a tree of files to a host, timed on the same tree in the same run. None of them syncs.

use crate::{stats::Samples, tree::Tree, usage};
use anyhow::ensure;
use configbus_tests::git::git;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// One way to follow a tree, with a copy of its own.
pub(crate) struct Peer {
    /// Its command.
    pub(crate) name: &'static str,
    /// How long each change took.
    pub(crate) samples: Samples,
    /// Processor time of all changes.
    pub(crate) cpu: Duration,
    way: Way,
    copy: PathBuf,
    _folder: TempDir,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Compares content.
    Checksums,
    /// Compares size and modification time.
    Times,
    /// Fetches the change and resets a working copy.
    Reset,
}

impl Peer {
    /// Returns all of them, each with a copy of the tree.
    pub(crate) fn all(tree: &Tree) -> anyhow::Result<[Self; 3]> {
        Ok([
            Self::start("rsync -a -c --delete", Way::Checksums, tree)?,
            Self::start("rsync -a --delete", Way::Times, tree)?,
            Self::start("git fetch + git reset --hard", Way::Reset, tree)?,
        ])
    }

    fn start(name: &'static str, way: Way, tree: &Tree) -> anyhow::Result<Self> {
        let (folder, copy) = tree.sibling("peer-")?;
        match way {
            Way::Checksums | Way::Times => run(rsync(tree.path(), &copy, way))?,
            Way::Reset => {
                let mut clone = git(tree.path());
                clone.args(["clone", "--quiet", "--no-local"]).arg(tree.path()).arg(&copy);
                run(clone)?;
            }
        }
        Ok(Self { name, samples: Samples::default(), cpu: Duration::ZERO, way, copy, _folder: folder })
    }

    /// Brings the copy up to the tree.
    pub(crate) fn follow(&mut self, tree: &Tree) -> anyhow::Result<()> {
        let (started, cpu_before) = (Instant::now(), usage::cpu_of_children()?);
        if self.way == Way::Reset {
            let (mut fetch, mut reset) = (git(&self.copy), git(&self.copy));
            fetch.args(["fetch", "--quiet", "origin", "main"]);
            reset.args(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
            run(fetch)?;
            run(reset)?;
        } else {
            run(rsync(tree.path(), &self.copy, self.way))?;
        }
        self.samples.add(started.elapsed());
        self.cpu += usage::cpu_of_children()? - cpu_before;
        Ok(())
    }
}

fn rsync(from: &Path, to: &Path, way: Way) -> Command {
    let mut command = Command::new("rsync");
    command.args(["-a", "--delete", "--exclude=.git"]);
    if way == Way::Checksums {
        command.arg("-c");
    }
    command.arg(format!("{}/", from.display())).arg(format!("{}/", to.display()));
    command
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
