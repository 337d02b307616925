//! Deliveries over real folders and real commands.

use super::{Deliver, DeliveryReport, DeliveryState, Placer, PlacerParts};
use crate::{Root, deliverer::Stock, delivery::Shown, metrics::AgentMetrics};
use configbus_model::{CommitId, ConfigPath, Epoch, Head, Revision, TreeId, ViewName};
use configbus_runtime::{CancellationToken, SystemClock};
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// A host with views made by hand, and places outside its root.
struct Host {
    folder: tempfile::TempDir,
    stock: watch::Sender<Stock>,
    rules: Vec<Deliver>,
}

/// Deliveries of a life of the agent, as somebody who waits for them sees them.
struct Life {
    reports: watch::Receiver<Vec<DeliveryReport>>,
    refusals: mpsc::Receiver<String>,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root/views", "etc"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder, stock: watch::Sender::new(Stock::default()), rules: Vec::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| format!("{error}"))
    }

    /// A rule whose `on_change` appends a line to the file `told`.
    fn deliver(&mut self, path: &str, to: &str) -> &mut Deliver {
        let on_change = Some(format!("echo r$CONFIGBUS_REVISION >> {}", self.at("told").display()));
        let path = ConfigPath::parse(path).unwrap();
        let to = self.at(to);
        self.rules.push(Deliver { path, to, mode: None, owner: None, check: None, on_change, timeout_s: 60 });
        self.rules.last_mut().unwrap()
    }

    /// Makes a view of these files and flips to it.
    fn flip(&self, revision: u64, files: &[(&str, &str)]) {
        let view = ViewName::new(Revision(revision), 0);
        let folder = Root::new(self.at("root")).view(&view);
        fs::create_dir_all(&folder).unwrap();
        for (path, content) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
        }
        let (commit, tree) = (CommitId::from_bytes([1; 20]), TreeId::from_bytes([2; 20]));
        let (epoch, time_ms) = (Epoch::FIRST, 0);
        let head = Head { epoch, revision: Revision(revision), commit, tree, time_ms, traceparent: None };
        let shown = Shown { view, vector: head.into(), effective_tree: tree, flipped_ms: 0 };
        self.stock.send_replace(Stock { shown: Some(shown), ..Stock::default() });
    }

    /// Runs the deliveries of one life while `story` goes on.
    async fn live<F: Future<Output = ()>>(&self, story: impl FnOnce(Life) -> F) {
        let (refused, refusals) = mpsc::channel(64);
        let reports = watch::Sender::new(Vec::new());
        let life = Life { reports: reports.subscribe(), refusals };
        let parts = PlacerParts {
            rules: self.rules.clone(),
            root: Root::new(self.at("root")),
            clock: Arc::new(SystemClock),
            stock: self.stock.subscribe(),
            refusals: refused,
            reports,
            metrics: AgentMetrics::new("host"),
        };
        let stop = CancellationToken::new();
        let telling = async {
            story(life).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(Placer::new(parts).run(stop.clone()), telling);
        ended.unwrap();
    }
}

impl Life {
    /// Waits until a delivery is in a state by a revision.
    async fn reaches(&mut self, index: usize, state: DeliveryState, revision: u64) -> DeliveryReport {
        let there = |reports: &Vec<DeliveryReport>| {
            reports.get(index).is_some_and(|report| report.state == state && report.revision == Revision(revision))
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), self.reports.wait_for(there)).await;
        waited.expect("the delivery gets there").unwrap()[index].clone()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn changed_files_take_their_places_and_one_command_tells_of_all() {
    let mut host = Host::new();
    host.deliver("nginx/nginx.conf", "etc/nginx.conf").mode = Some("0600".parse().unwrap());
    host.deliver("nginx/mime.types", "etc/mime.types");
    fs::write(host.at("etc/nginx.conf"), "by hand").unwrap();
    host.flip(1, &[("nginx/nginx.conf", "one"), ("nginx/mime.types", "types")]);
    host.live(async |mut life| {
        life.reaches(0, DeliveryState::Placed, 1).await;
        life.reaches(1, DeliveryState::Placed, 1).await;
        assert_eq!((host.read("etc/nginx.conf"), host.read("etc/mime.types")), ("one".into(), "types".into()));
        assert_eq!((mode(&host.at("etc/nginx.conf")), mode(&host.at("etc/mime.types"))), (0o600, 0o644));
        assert_eq!(host.read("told"), "r1\n", "one command for both");
        host.flip(2, &[("nginx/nginx.conf", "one"), ("nginx/mime.types", "types"), ("other", "x")]);
        host.flip(3, &[("nginx/nginx.conf", "three"), ("nginx/mime.types", "types")]);
        life.reaches(0, DeliveryState::Placed, 3).await;
        assert_eq!((host.read("etc/nginx.conf"), host.read("told")), ("three".into(), "r1\nr3\n".into()));
    })
    .await;
    let left: Vec<_> = fs::read_dir(host.at("etc")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn what_the_check_refuses_does_not_take_the_place() {
    let mut host = Host::new();
    host.deliver("a.conf", "etc/a.conf").check = Some("grep -q good {new} || { echo 'no good in it'; exit 7; }".into());
    host.flip(1, &[("a.conf", "good one")]);
    host.live(async |mut life| {
        life.reaches(0, DeliveryState::Placed, 1).await;
        host.flip(2, &[("a.conf", "bad")]);
        let report = life.reaches(0, DeliveryState::Refused, 2).await;
        assert_eq!(report.reason.as_deref(), Some("check ended with exit status: 7: no good in it"));
        let news = life.refusals.recv().await.unwrap();
        assert!(news.starts_with("a.conf of r2 for ") && news.ends_with("no good in it"), "{news}");
        assert_eq!((host.read("etc/a.conf"), host.read("told")), ("good one".into(), "r1\n".into()));
        host.flip(3, &[("a.conf", "good again")]);
        life.reaches(0, DeliveryState::Placed, 3).await;
        assert_eq!(host.read("etc/a.conf"), "good again");
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_swapped_whole_and_nobodys_files_are_lost() {
    let mut host = Host::new();
    host.deliver("conf.d", "etc/conf.d");
    fs::create_dir(host.at("etc/conf.d")).unwrap();
    fs::write(host.at("etc/conf.d/theirs"), "kept").unwrap();
    host.flip(1, &[("conf.d/a", "1"), ("conf.d/deep/b", "1")]);
    host.live(async |mut life| {
        let report = life.reaches(0, DeliveryState::Failed, 1).await;
        assert!(report.reason.unwrap().ends_with("not delivered by the bus: move them away first"));
        assert_eq!(host.read("etc/conf.d/theirs"), "kept");
        fs::remove_file(host.at("etc/conf.d/theirs")).unwrap();
        host.flip(2, &[("conf.d/a", "1"), ("conf.d/deep/b", "1")]);
        life.reaches(0, DeliveryState::Placed, 2).await;
        assert_eq!(host.read("etc/conf.d/deep/b"), "1");
        host.flip(3, &[("conf.d/a", "3")]);
        life.reaches(0, DeliveryState::Placed, 3).await;
        assert_eq!(host.read("etc/conf.d/a"), "3");
        assert!(!host.at("etc/conf.d/deep").exists());
        host.flip(4, &[("other", "")]);
        life.reaches(0, DeliveryState::Absent, 4).await;
        assert_eq!(host.read("etc/conf.d/a"), "3", "what programs use is not taken away");
    })
    .await;
    assert_eq!(fs::read_dir(host.at("etc")).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn a_command_that_did_not_end_runs_again_in_the_next_life_and_one_that_did_does_not() {
    let mut host = Host::new();
    let (gate, told) = (host.at("gate"), host.at("told"));
    let on_change = format!("echo run >> {}; while [ ! -e {} ]; do sleep 0.02; done", told.display(), gate.display());
    host.deliver("a", "etc/a").on_change = Some(on_change);
    host.flip(1, &[("a", "1")]);
    host.live(async |_life| {
        while host.read("told") != "run\n" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(host.read("etc/a"), "1");
    fs::write(&gate, "").unwrap();
    host.live(async |mut life| drop(life.reaches(0, DeliveryState::Placed, 1).await)).await;
    assert_eq!(host.read("told"), "run\nrun\n");
    host.live(async |mut life| drop(life.reaches(0, DeliveryState::Placed, 1).await)).await;
    assert_eq!(host.read("told"), "run\nrun\n", "it had ended");
    fs::set_permissions(host.at("etc/a"), fs::Permissions::from_mode(0o600)).unwrap();
    host.live(async |mut life| drop(life.reaches(0, DeliveryState::Placed, 1).await)).await;
    assert_eq!((mode(&host.at("etc/a")), host.read("told")), (0o644, "run\nrun\nrun\n".into()));
}

#[tokio::test]
async fn a_failed_command_is_reported_in_this_life_and_the_next() {
    let mut host = Host::new();
    host.deliver("a", "etc/a").on_change = Some("echo reload refused >&2; false".into());
    host.flip(1, &[("a", "1")]);
    for _life in 0..2 {
        host.live(async |mut life| {
            let report = life.reaches(0, DeliveryState::CommandFailed, 1).await;
            assert_eq!(report.reason.as_deref(), Some("on_change ended with exit status: 1: reload refused"));
        })
        .await;
    }
    assert_eq!(host.read("etc/a"), "1");
}

#[tokio::test]
async fn directories_behind_symlinks_are_delivered_as_directories() {
    let mut host = Host::new();
    host.deliver("conf", "etc/conf");
    host.flip(1, &[("real/deep/a", "1")]);
    let view = Root::new(host.at("root")).view(&ViewName::new(Revision(1), 0));
    symlink("real", view.join("conf")).unwrap();
    host.live(async |mut life| {
        life.reaches(0, DeliveryState::Placed, 1).await;
        assert_eq!(host.read("etc/conf/deep/a"), "1");
        assert!(!host.at("etc/conf").is_symlink());
    })
    .await;
}
