//! A tree of many small files, as a working copy that peers and bus start from.

use anyhow::{Context as _, ensure};
use configbus_tests::git::git;
use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;

/// Files of one directory and directories of one directory: wide enough to be real, and the same at each size.
const WIDTH: usize = 100;

/// A working copy with `files` files.
pub(crate) struct Tree {
    folder: TempDir,
    files: usize,
    version: usize,
}

impl Tree {
    /// Makes it through Git's own bulk import.
    pub(crate) fn make(files: usize) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("tree-")?;
        let status = git(folder.path()).args(["init", "--quiet"]).status()?;
        ensure!(status.success(), "git init failed");
        let mut import = git(folder.path());
        let mut import = import.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
        let input = import.stdin.take().context("standard input is piped")?;
        write_stream(&mut BufWriter::new(input), files)?;
        ensure!(import.wait()?.success(), "git fast-import failed");
        let status = git(folder.path()).args(["reset", "--quiet", "--hard", "main"]).status()?;
        ensure!(status.success(), "git reset failed");
        Ok(Self { folder, files, version: 0 })
    }

    /// Returns its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Changes one file, commits it, and returns its path and content.
    pub(crate) fn change(&mut self) -> anyhow::Result<(String, String)> {
        self.version += 1;
        // A prime step visits directories all over the tree.
        let path = path_of(self.version * 7_919 % self.files);
        let content = content_of(self.version, self.version);
        fs::write(self.path().join(&path), &content)?;
        let status = git(self.path()).args(["commit", "--quiet", "--all", "-m", "change"]).status()?;
        ensure!(status.success(), "git commit failed");
        Ok((path, content))
    }

    /// Pushes it.
    pub(crate) fn push(&self, url: &str) -> anyhow::Result<()> {
        let output = git(self.path()).args(["push", "--quiet", url, "main:main"]).output()?;
        ensure!(output.status.success(), "git push failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

/// Returns the path of one file.
pub(crate) fn path_of(number: usize) -> String {
    let (directory, file) = (number / WIDTH, number % WIDTH);
    format!("d{:02}/d{:02}/f{file:02}.json", directory / WIDTH, directory % WIDTH)
}

fn content_of(number: usize, version: usize) -> String {
    format!(
        "{{\"number\": {number}, \"version\": {version}, \"enabled\": true, \"owner\": \"team-{}\"}}\n",
        number % 17
    )
}

fn write_stream(to: &mut impl Write, files: usize) -> anyhow::Result<()> {
    writeln!(to, "commit refs/heads/main\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 5\nfiles\n")?;
    for number in 0..files {
        let content = content_of(number, 0);
        writeln!(to, "M 100644 inline {}\ndata {}\n{content}", path_of(number), content.len())?;
    }
    Ok(to.flush()?)
}

/// Returns a fresh folder beside the tree, on the same file system.
pub(crate) fn sibling(tree: &Tree, name: &str) -> anyhow::Result<(TempDir, PathBuf)> {
    let parent = tree.path().parent().context("a temporary folder has a parent")?;
    let folder = tempfile::Builder::new().prefix(name).tempdir_in(parent)?;
    let path = folder.path().join("copy");
    Ok((folder, path))
}
