//! A tree of many small files as a Git working copy: what peers copy from, and what a bus starts with.

use crate::content::{changes, content_of, path_of};
use anyhow::{Context as _, ensure};
use configbus_tests::git::git;
use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;

/// A working copy.
pub(crate) struct Tree {
    folder: TempDir,
    changes: Box<dyn Iterator<Item = (usize, usize)>>,
}

impl Tree {
    /// Makes it through Git's own bulk import.
    pub(crate) fn make(files: usize) -> anyhow::Result<Self> {
        let tree = Self { folder: TempDir::with_prefix("tree-")?, changes: Box::new(changes(files)) };
        tree.git(&["init", "--quiet"])?;
        let mut import = git(tree.path());
        let mut import = import.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
        let input = import.stdin.take().context("standard input is piped")?;
        write_stream(&mut BufWriter::new(input), files)?;
        ensure!(import.wait()?.success(), "git fast-import failed");
        tree.git(&["reset", "--quiet", "--hard", "main"])?;
        Ok(tree)
    }

    /// Returns its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns Git's id of what is in it.
    pub(crate) fn id(&self) -> anyhow::Result<String> {
        self.git(&["rev-parse", "main^{tree}"])
    }

    /// Changes one file and commits it.
    pub(crate) fn change(&mut self) -> anyhow::Result<()> {
        let (number, version) = self.changes.next().context("changes never end")?;
        let path = path_of(number);
        fs::write(self.path().join(&path), content_of(number, version))?;
        self.git(&["add", &path])?;
        self.git(&["commit", "--quiet", "-m", "change"]).map(drop)
    }

    /// Pushes it.
    pub(crate) fn push(&self, url: &str) -> anyhow::Result<()> {
        self.git(&["push", "--quiet", url, "main:main"]).map(drop)
    }

    /// Returns a fresh folder beside it, on the same file system, and a place in there.
    pub(crate) fn sibling(&self, name: &str) -> anyhow::Result<(TempDir, PathBuf)> {
        let parent = self.path().parent().context("a temporary folder has a parent")?;
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(parent)?;
        let path = folder.path().join("copy");
        Ok((folder, path))
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = git(self.path()).args(arguments).output()?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

fn write_stream(to: &mut impl Write, files: usize) -> anyhow::Result<()> {
    writeln!(to, "commit refs/heads/main\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 5\nfiles")?;
    for number in 0..files {
        let content = content_of(number, 0);
        writeln!(to, "M 100644 inline {}\ndata {}\n{content}", path_of(number), content.len())?;
    }
    Ok(to.flush()?)
}
