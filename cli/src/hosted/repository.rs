//! A bare repository of somebody else's, asked through stock Git.

use crate::report::Failure;
use configbus_gitstore::git;
use configbus_model::{CommitId, Epoch, ErrorKind, Head, Revision, TreeId};
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest time for one question.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

const MAIN: &str = "refs/heads/main";

/// Its folder, absolute.
#[derive(Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// Opens a repository that somebody named.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(ErrorKind::NotFound, format!("{} {why}", folder.display()));
        let folder = fs::canonicalize(folder).map_err(|_| wrong("does not exist"))?;
        let repository = Self { folder };
        match repository.ask(&["rev-parse", "--is-bare-repository"]) {
            Ok(answer) if answer == "true" => Ok(repository),
            _ => Err(wrong("is not a bare Git repository")),
        }
    }

    /// Opens the repository whose hook this process is.
    pub(crate) fn of_hook() -> Result<Self, Failure> {
        let folder = env::var_os("GIT_DIR").ok_or_else(|| {
            Failure::new(ErrorKind::Invalid, "GIT_DIR is not set; Git runs this, people run `configbus hook --help`")
        })?;
        Ok(Self { folder: fs::canonicalize(folder)? })
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets a value of its configuration.
    pub(crate) fn configure(&self, key: &str, value: &str) -> Result<(), Failure> {
        self.ask(&["config", key, value]).map(drop)
    }

    /// Takes a value out of its configuration, if it is this one.
    pub(crate) fn unset(&self, key: &str, value: &str) -> Result<(), Failure> {
        if self.configured(key).as_deref() == Some(value) {
            self.ask(&["config", "--unset", key]).map(drop)
        } else {
            Ok(())
        }
    }

    /// Returns a value of its configuration.
    pub(crate) fn configured(&self, key: &str) -> Option<String> {
        self.ask(&["config", "--file", self.path("config").to_str()?, "--get", key]).ok()
    }

    /// Returns what `main` is now; `None` when there is no commit. The revision is the number of first parents.
    pub(crate) fn head(&self, now_ms: u64) -> Result<Option<Head>, Failure> {
        let Ok(line) = self.ask(&["rev-parse", "--verify", "--quiet", MAIN]) else { return Ok(None) };
        let commit: CommitId = parsed(&line)?;
        let tree: TreeId = parsed(&self.ask(&["rev-parse", &format!("{line}^{{tree}}")])?)?;
        let revision = Revision(parsed(&self.ask(&["rev-list", "--count", "--first-parent", &line])?)?);
        Ok(Some(Head { epoch: Epoch::FIRST, revision, commit, tree, time_ms: now_ms, traceparent: None }))
    }

    fn ask(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = git::command(&self.folder, arguments).run(ANSWER_WITHIN);
        let output = output.map_err(|error| Failure::of(error.kind(), &error))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    let wrong = |_| Failure::new(ErrorKind::Internal, format!("git answered {text:?}, which makes no sense"));
    text.parse().map_err(wrong)
}
