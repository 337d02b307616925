//! A server on a free port, and the clients tests use.

use configbus_proto::v1::config_client::ConfigClient;
use configbus_proto::v1::distribution_client::DistributionClient;
use configbus_proto::v1::fleet_client::FleetClient;
use configbus_proto::v1::{self};
use configbus_runtime::Tasks;
use configbus_server::{Server, Settings};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tonic::transport::Channel;

/// How long a server may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// A running server. Call [`TestServer::stop`] at the end.
pub(crate) struct TestServer {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    tasks: Tasks,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), |_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    async fn start_in(folder: TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            data: folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            hook_program: Some(hook_program()),
            ..Settings::default()
        };
        change(&mut settings);
        let server = Server::build(settings).await.unwrap();
        let (url, readiness) = (server.url().to_owned(), server.readiness());
        let tasks = Tasks::new("server");
        server.run(&tasks);
        readiness.wait().await;
        Self { url, folder, tasks }
    }

    /// Stops the server and returns its folder.
    pub(crate) async fn stop(self) -> TempDir {
        self.tasks.shutdown();
        self.tasks.join(STOPS_WITHIN).await.unwrap();
        self.folder
    }

    /// Stops the server, lets `tamper` loose on its data, and starts another one on it.
    pub(crate) async fn restart(self, tamper: impl FnOnce(&Path)) -> Self {
        let folder = self.stop().await;
        tamper(&folder.path().join("data"));
        Self::start_in(folder, |_| {}).await
    }

    /// The repository of `main` on disk.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("data/namespaces/main.git")
    }

    pub(crate) async fn config(&self) -> ConfigClient<Channel> {
        ConfigClient::connect(self.url.clone()).await.unwrap()
    }

    pub(crate) async fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::connect(self.url.clone()).await.unwrap()
    }

    pub(crate) async fn distribution(&self) -> DistributionClient<Channel> {
        DistributionClient::connect(self.url.clone()).await.unwrap()
    }

    /// Writes one file whatever is there, and returns the head.
    pub(crate) async fn put(&self, path: &str, content: &str) -> v1::Head {
        let answer = self.config().await.compare_and_set(request([put(path, content)])).await.unwrap();
        answer.into_inner().head.unwrap()
    }

    /// Returns the content of a file at the head.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let answer = self.config().await.get(v1::GetRequest { path: path.into(), ..Default::default() }).await;
        answer.ok().map(|answer| String::from_utf8(answer.into_inner().content.to_vec()).unwrap())
    }

    /// A new clone of `main`.
    pub(crate) fn clone_main(&self, name: &str) -> Clone {
        self.clone_url(name, &format!("{}/git/main.git", self.url))
    }

    /// A new clone of a namespace.
    pub(crate) fn clone_namespace(&self, name: &str, namespace: &str) -> Clone {
        self.clone_url(name, &format!("{}/git/{namespace}.git", self.url))
    }

    /// A new clone of `main` whose pushes carry a token.
    pub(crate) fn clone_main_as(&self, name: &str, token: &str) -> Clone {
        let host = self.url.strip_prefix("http://").unwrap();
        self.clone_url(name, &format!("http://{name}:{token}@{host}/git/main.git"))
    }

    fn clone_url(&self, name: &str, url: &str) -> Clone {
        let path = self.folder.path().join(name);
        git(self.folder.path(), &["clone", "-q", url, path.to_str().unwrap()]).expect_ok();
        Clone { path }
    }
}

/// A working copy.
pub(crate) struct Clone {
    pub(crate) path: PathBuf,
}

impl Clone {
    pub(crate) fn git(&self, args: &[&str]) -> GitRun {
        git(&self.path, args)
    }

    /// Runs Git with another committer date.
    pub(crate) fn git_dated(&self, date: &str, args: &[&str]) -> GitRun {
        git_with(&self.path, &[("GIT_COMMITTER_DATE", date)], args)
    }

    /// Commits one file.
    pub(crate) fn commit(&self, path: &str, content: &str) {
        let file = self.path.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        self.git(&["add", "-A"]).expect_ok();
        self.git(&["commit", "-q", "-m", &format!("change {path}")]).expect_ok();
    }

    pub(crate) fn push_main(&self) -> GitRun {
        self.git(&["push", "origin", "HEAD:refs/heads/main"])
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).expect_ok().stdout.trim().to_owned()
    }
}

/// What a Git command said.
#[derive(Debug)]
pub(crate) struct GitRun {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl GitRun {
    pub(crate) fn expect_ok(self) -> Self {
        assert!(self.ok, "git failed: {}{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn expect_refused(self, reason: &str) -> Self {
        assert!(!self.ok, "git succeeded: {}{}", self.stdout, self.stderr);
        assert!(self.unbroken().contains(reason), "{reason:?} is not in {}", self.stderr);
        self
    }

    /// What the server said, with the lines that it broke joined again.
    pub(crate) fn unbroken(&self) -> String {
        let lines = self.stderr.lines().map(|line| line.strip_prefix("remote: ").unwrap_or(line).trim_end());
        lines.fold(String::new(), |text, line| match line.strip_prefix("    ").filter(|rest| !rest.starts_with(' ')) {
            Some(rest) => format!("{text} {rest}"),
            None => format!("{text}\n{line}"),
        })
    }
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> GitRun {
    git_with(folder, &[], args)
}

fn git_with(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> GitRun {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    command.env("HOME", folder).env("GIT_TERMINAL_PROMPT", "0");
    command.envs(variables.iter().copied());
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "ada").env(format!("GIT_{who}_EMAIL"), "ada@example.com");
    }
    let output = command.args(["-c", "init.defaultBranch=main"]).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    GitRun { ok: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The example next to the test's own program.
pub(crate) fn hook_program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/hook")
}

pub(crate) fn put(path: &str, content: &str) -> v1::Edit {
    edit(path, v1::edit::Expected::Any(v1::Empty {}), Some(content))
}

/// An edit; without content it deletes.
pub(crate) fn edit(path: &str, expected: v1::edit::Expected, content: Option<&str>) -> v1::Edit {
    let change = match content {
        Some(content) => v1::edit::Change::Content(content.to_owned().into()),
        None => v1::edit::Change::Delete(v1::Empty {}),
    };
    v1::Edit { path: path.into(), mode: 0, expected: Some(expected), change: Some(change) }
}

pub(crate) fn request(edits: impl IntoIterator<Item = v1::Edit>) -> v1::CompareAndSetRequest {
    v1::CompareAndSetRequest { edits: edits.into_iter().collect(), ..v1::CompareAndSetRequest::default() }
}
