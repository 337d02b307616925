//! How a Git child is called.

use super::{ChildError, GitChild, GitOutput, spawner};
use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Configuration that holds for every child, whatever the repository's own says.
const CONFIG: &[(&str, &str)] = &[
    ("core.fsync", "all"),
    ("core.fsyncMethod", "fsync"),
    ("receive.unpackLimit", "1"),
    ("fetch.unpackLimit", "1"),
    ("transfer.unpackLimit", "1"),
    ("receive.fsckObjects", "true"),
    ("receive.autogc", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
    ("advice.detachedHead", "false"),
];

/// Where the folder of hooks is not named, none run.
const NO_HOOKS: &str = "/dev/null";

/// A Git command that is not running yet. It is no [`Command`], because starting one from any thread would tie its life
/// to that thread (see [`GitCommand::spawn`]).
#[derive(Debug, Clone)]
pub struct GitCommand {
    repository: PathBuf,
    names_repository: bool,
    hooks_dir: Option<PathBuf>,
    config: Vec<(String, OsString)>,
    secret_config: Vec<(String, String)>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

/// Prepares `git --git-dir=<repository> <args>`.
pub fn command<S: AsRef<OsStr>>(repository: &Path, args: impl IntoIterator<Item = S>) -> GitCommand {
    GitCommand::new(repository, true, args)
}

impl GitCommand {
    pub(super) fn new<S: AsRef<OsStr>>(
        repository: &Path,
        names_repository: bool,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            repository: std::path::absolute(repository).unwrap_or_else(|_| repository.to_owned()),
            names_repository,
            hooks_dir: None,
            config: Vec::new(),
            secret_config: Vec::new(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
        }
    }

    /// Adds a configuration value, visible in the process list.
    #[must_use]
    pub fn config(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.config.push((key.to_owned(), value.into()));
        self
    }

    /// Adds a configuration value that other users of the machine must not see; it travels in the environment.
    #[must_use]
    pub fn secret_config(mut self, key: &str, value: impl Into<String>) -> Self {
        self.secret_config.push((key.to_owned(), value.into()));
        self
    }

    /// Adds a variable for the child and the hooks it starts.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs hooks from this folder, which must be absolute.
    #[must_use]
    pub fn hooks_dir(mut self, dir: &Path) -> Self {
        self.hooks_dir = Some(dir.to_owned());
        self
    }

    /// Starts the child with three pipes, in a process group of its own. It gets `SIGKILL` when this process dies.
    ///
    /// The kernel sends that signal when the *thread* that forked ends, and threads of blocking pools end whenever they
    /// have been idle; so one thread that lives as long as the process starts all children.
    pub fn spawn(self) -> Result<GitChild, ChildError> {
        let what = self.summary();
        match spawner::spawn(self.into_command()) {
            Ok(child) => Ok(GitChild::new(child, what)),
            Err(source) => Err(ChildError::Spawn { what, source }),
        }
    }

    /// Runs the child to its end or for `deadline`, whichever comes first. A status other than 0 is an error.
    pub fn run(self, deadline: Duration) -> Result<GitOutput, ChildError> {
        self.run_with_input(&[], deadline)
    }

    /// The same with something to read for the child.
    pub fn run_with_input(self, input: &[u8], deadline: Duration) -> Result<GitOutput, ChildError> {
        self.spawn()?.run(input, deadline)
    }

    /// Names the command in errors, without paths, URLs or values.
    fn summary(&self) -> String {
        let name = self.args.first().map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
        format!("git {name}")
    }

    fn into_command(self) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(base_environment()).envs(secret_environment(&self.secret_config)).envs(self.env);
        for (key, value) in CONFIG {
            command.arg("-c").arg(format!("{key}={value}"));
        }
        command.arg("-c").arg(assignment("core.hooksPath", hooks_path(self.hooks_dir.as_deref()).as_os_str()));
        for (key, value) in &self.config {
            command.arg("-c").arg(assignment(key, value));
        }
        if self.names_repository {
            command.arg(assignment("--git-dir", self.repository.as_os_str()));
        }
        command.args(self.args).current_dir(&self.repository).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn hooks_path(dir: Option<&Path>) -> PathBuf {
    dir.map_or_else(|| NO_HOOKS.into(), |dir| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()))
}

fn assignment(key: &str, value: &OsStr) -> OsString {
    let mut text = OsString::from(key);
    text.push("=");
    text.push(value);
    text
}

fn base_environment() -> Vec<(&'static str, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    vec![
        ("PATH", path),
        ("LC_ALL", "C".into()),
        ("TZ", "UTC".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_SYSTEM", "/dev/null".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_ATTR_NOSYSTEM", "1".into()),
        ("GIT_NO_REPLACE_OBJECTS", "1".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_ASKPASS", "/bin/false".into()),
    ]
}

fn secret_environment(config: &[(String, String)]) -> Vec<(String, OsString)> {
    let pairs = config.iter().enumerate().flat_map(|(index, (key, value))| {
        [(format!("GIT_CONFIG_KEY_{index}"), key.into()), (format!("GIT_CONFIG_VALUE_{index}"), value.into())]
    });
    std::iter::once(("GIT_CONFIG_COUNT".to_owned(), config.len().to_string().into())).chain(pairs).collect()
}
