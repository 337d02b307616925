//! Stock Git as a user runs it, without anything of this machine's settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// Outcome of one Git command.
#[derive(Debug)]
pub struct GitRun {
    /// Exit code 0.
    pub ok: bool,
    /// What it printed.
    pub stdout: String,
    /// What it and the server had to say.
    pub stderr: String,
}

impl GitRun {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Returns the run when it succeeded.
    ///
    /// # Panics
    /// Panics with what Git said otherwise.
    #[must_use]
    pub fn expect_ok(self) -> Self {
        assert!(self.ok, "git failed:\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Returns the run when it failed.
    ///
    /// # Panics
    /// Panics with what Git said otherwise.
    #[must_use]
    pub fn expect_refused(self) -> Self {
        assert!(!self.ok, "git succeeded:\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Returns the lines the server sent, without their prefix.
    pub fn remote_lines(&self) -> String {
        let lines = self.stderr.lines().filter_map(|line| line.strip_prefix("remote:"));
        lines.map(|line| line.trim().to_owned() + "\n").collect()
    }
}

/// Returns a Git command with an environment of its own.
pub fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", directory).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (role, name) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
        command.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), "ada@example.com");
    }
    command.args(["-c", "init.defaultBranch=main", "-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
    command.current_dir(directory);
    command
}

/// A user's clone.
#[derive(Debug)]
pub struct WorkingCopy {
    path: PathBuf,
    _folder: TempDir,
}

impl WorkingCopy {
    /// Starts an empty repository whose `origin` is the URL.
    pub fn init(url: &str) -> Self {
        let copy = Self::empty();
        let _ = copy.git(&["init", "--quiet"]).expect_ok();
        let _ = copy.git(&["remote", "add", "origin", url]).expect_ok();
        copy
    }

    /// Clones with further options, such as `--depth=1`.
    pub fn clone(url: &str, options: &[&str]) -> Self {
        let copy = Self::empty();
        let _ = copy.git(&[&["clone", "--quiet"], options, &[url, "."]].concat()).expect_ok();
        copy
    }

    fn empty() -> Self {
        let folder = TempDir::with_prefix("clone-").expect("a temporary folder can be made");
        let path = folder.path().join("work");
        fs::create_dir(&path).expect("a folder can be made");
        Self { path, _folder: folder }
    }

    /// Returns its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs Git in it.
    pub fn git(&self, arguments: &[&str]) -> GitRun {
        GitRun::of(&git(&self.path).args(arguments).output().expect("git can be started"))
    }

    /// Runs Git in it with further variables.
    pub fn git_with(&self, variables: &[(&str, &Path)], arguments: &[&str]) -> GitRun {
        let mut command = git(&self.path);
        GitRun::of(&command.envs(variables.iter().copied()).args(arguments).output().expect("git can be started"))
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.path.join(path);
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(file, content).expect("a file can be written");
    }

    /// Commits everything that is in the folder.
    pub fn commit(&self, message: &str) {
        let _ = self.git(&["add", "--all", "--force"]).expect_ok();
        let _ = self.git(&["commit", "--quiet", "--allow-empty", "-m", message]).expect_ok();
    }

    /// Pushes `main`.
    pub fn push(&self) -> GitRun {
        self.git(&["push", "origin", "HEAD:main"])
    }

    /// Writes one file, commits and pushes it.
    pub fn change(&self, path: &str, content: impl AsRef<[u8]>) -> GitRun {
        self.write(path, content);
        self.commit(&format!("change {path}"));
        self.push()
    }

    /// Fetches and fast-forwards.
    pub fn pull(&self) {
        let _ = self.git(&["pull", "--quiet", "--ff-only", "origin", "main"]).expect_ok();
    }

    /// Returns the id of a revision expression.
    pub fn id(&self, expression: &str) -> String {
        self.git(&["rev-parse", expression]).expect_ok().stdout.trim().to_owned()
    }
}
