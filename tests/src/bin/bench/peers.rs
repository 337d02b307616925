//! What people use today to bring a tree of files to a host, timed on the same tree in the same run.

use crate::{
    stats::Samples,
    tree::{Tree, sibling},
};
use anyhow::ensure;
use configbus_tests::git::git;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Copies of a tree, one per peer.
pub(crate) struct Peers {
    rsync: Copy,
    rsync_checksums: Copy,
    reset: Copy,
}

struct Copy {
    _folder: TempDir,
    path: PathBuf,
    samples: Samples,
}

/// Samples of each peer.
pub(crate) struct PeerSamples {
    /// `rsync -a --delete`: by size and modification time.
    pub(crate) rsync: Samples,
    /// `rsync -a --delete -c`: by content.
    pub(crate) rsync_checksums: Samples,
    /// `git fetch` and `git reset --hard`.
    pub(crate) reset: Samples,
}

impl Peers {
    /// Makes the copies.
    pub(crate) fn copy_of(tree: &Tree) -> anyhow::Result<Self> {
        let rsync = Copy::of(tree)?;
        let rsync_checksums = Copy::of(tree)?;
        for copy in [&rsync, &rsync_checksums] {
            time(rsync_command(tree.path(), &copy.path, &[]))?;
        }
        let reset = Copy::of(tree)?;
        let mut clone = git(tree.path());
        clone.args(["clone", "--quiet", "--no-local"]).arg(tree.path()).arg(&reset.path);
        time(clone)?;
        Ok(Self { rsync, rsync_checksums, reset })
    }

    /// Times how long each peer takes to bring its copy up to the tree.
    pub(crate) fn follow(&mut self, tree: &Tree) -> anyhow::Result<()> {
        self.rsync.samples.add(time(rsync_command(tree.path(), &self.rsync.path, &[]))?);
        let checksums = rsync_command(tree.path(), &self.rsync_checksums.path, &["--checksum"]);
        self.rsync_checksums.samples.add(time(checksums)?);
        let (mut fetch, mut reset) = (git(&self.reset.path), git(&self.reset.path));
        fetch.args(["fetch", "--quiet", "origin", "main"]);
        reset.args(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        self.reset.samples.add(time(fetch)? + time(reset)?);
        Ok(())
    }

    /// Returns what was measured.
    pub(crate) fn finish(self) -> PeerSamples {
        PeerSamples {
            rsync: self.rsync.samples,
            rsync_checksums: self.rsync_checksums.samples,
            reset: self.reset.samples,
        }
    }
}

impl Copy {
    fn of(tree: &Tree) -> anyhow::Result<Self> {
        let (folder, path) = sibling(tree, "peer-")?;
        Ok(Self { _folder: folder, path, samples: Samples::default() })
    }
}

fn rsync_command(from: &Path, to: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new("rsync");
    command.args(["-a", "--delete", "--exclude=.git"]).args(flags);
    command.arg(format!("{}/", from.display())).arg(format!("{}/", to.display()));
    command
}

fn time(mut command: Command) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let output = command.output()?;
    let took = started.elapsed();
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(took)
}
