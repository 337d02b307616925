//! A user's clone, driven with stock Git.

use anyhow::{Context as _, bail};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A working copy of somebody.
pub(super) struct Clone {
    path: PathBuf,
    author: &'static str,
}

impl Clone {
    /// Clones the bus for an author.
    pub(super) fn of(url: &str, folder: &Path, author: &'static str) -> anyhow::Result<Self> {
        let path = folder.join(author);
        fs::create_dir_all(&path)?;
        let clone = Self { path, author };
        clone.git(&["clone", "--quiet", url, "."])?;
        Ok(clone)
    }

    /// Writes a file and commits it.
    pub(super) fn commit(&self, path: &str, content: &str, message: &str) -> anyhow::Result<()> {
        let file = self.path.join(path);
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(file, content)?;
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "-m", message])?;
        Ok(())
    }

    /// Takes the last commit back, in this clone only.
    pub(super) fn take_back(&self) -> anyhow::Result<()> {
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"])
    }

    /// Pushes and returns what Git and the server said.
    pub(super) fn push(&self) -> anyhow::Result<Pushed> {
        let output = self.run(&["push", "origin", "HEAD:main"])?;
        Ok(Pushed { accepted: output.status.success(), said: text(&output.stderr) })
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.run(arguments)?;
        if !output.status.success() {
            bail!("git {} failed: {}", arguments.join(" "), text(&output.stderr).trim());
        }
        Ok(())
    }

    /// Nothing of this machine's settings may change the tour.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.env("HOME", &self.path).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), self.author);
            command.env(format!("GIT_{role}_EMAIL"), format!("{}@example.com", self.author));
        }
        command.args(["-c", "init.defaultBranch=main"]).args(arguments).current_dir(&self.path);
        command.output().context("cannot start git: is it installed?")
    }
}

/// How a push ended.
pub(super) struct Pushed {
    /// Whether it landed.
    pub(super) accepted: bool,
    said: String,
}

impl Pushed {
    /// Returns the lines the server sent.
    pub(super) fn remote_lines(&self) -> Vec<String> {
        let lines = self.said.lines().filter(|line| line.starts_with("remote:"));
        lines.map(|line| line.trim_end().to_owned()).filter(|line| line != "remote:").collect()
    }

    /// Returns everything, for a push that should have landed.
    pub(super) fn expect_landed(self) -> anyhow::Result<Self> {
        if !self.accepted {
            bail!("a push was refused that should have landed: {}", self.said);
        }
        Ok(self)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
