//! The whole agent against a store made for tests.

use crate::{
    Agent, BuildError, Settings, StatusReport,
    delivery::fixture::{Files, files},
    fake_store::FakeStore,
};
use bytes::Bytes;
use configbus_model::{
    AgentState, ConfigPath, Epoch, ErrorKind, Freshness, Layout, MOUNTS, Mount, MountTable, Namespace, Position,
    ReaderReport, Revision, ViewRecord,
};
use configbus_proto::v1::acknowledgement::State;
use configbus_runtime::{Readiness, Tasks};
use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::MetadataExt as _, net::UnixDatagram},
    path::Path,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

const GRACE: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    readiness: Readiness,
    tasks: Tasks,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Self {
        let agent = Agent::build(settings).await.unwrap();
        let tasks = Tasks::new("agent");
        let running = Self { addr: agent.addr(), readiness: agent.readiness(), tasks: tasks.clone() };
        agent.run(&tasks);
        running
    }

    pub(crate) async fn stop(self) {
        self.tasks.shutdown();
        self.tasks.join(GRACE).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        get(TcpStream::connect(self.addr).await.unwrap(), path, &self.addr.to_string()).await
    }

    async fn status(&self) -> StatusReport {
        let (code, body) = self.get("/status").await;
        assert_eq!(code, 200);
        serde_json::from_str(&body).unwrap()
    }

    async fn status_where(&self, accept: impl Fn(&StatusReport) -> bool) -> StatusReport {
        let deadline = tokio::time::Instant::now() + GRACE;
        loop {
            let status = self.status().await;
            if accept(&status) {
                return status;
            }
            assert!(tokio::time::Instant::now() < deadline, "{status:#?}");
            tokio::task::yield_now().await;
        }
    }
}

async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, host: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let code = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (code, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

pub(crate) fn settings(root: &Path, stores: &[String]) -> Settings {
    Settings {
        root: root.to_owned(),
        stores: stores.to_vec(),
        host: Some("host-1".into()),
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Settings::default()
    }
}

fn visible(root: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, found: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if fs::metadata(entry.path()).unwrap().is_dir() {
                walk(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path, (false, Bytes::from(fs::read(entry.path()).unwrap())));
            }
        }
    }
    let mut found = Files::new();
    walk(&root.join("current"), "", &mut found);
    found
}

fn revision(n: u64) -> Files {
    let content = n.to_string();
    files([("a.json", content.as_str()), ("dir/b.json", "same"), ("dir/deep/c.json", content.as_str())])
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_host_follows_its_store_and_says_what_it_holds() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    agent.readiness.wait().await;
    for n in 2..20 {
        store.applied(n - 1).await;
        assert_eq!(visible(folder.path()), revision(n - 1));
        store.land(revision(n));
    }
    let heard = store.applied(19).await;
    let states: Vec<_> = heard.iter().filter(|heard| heard.revision == 19).map(|heard| heard.state).collect();
    assert_eq!(states, [State::Observed, State::Applied]);
    assert!(heard.iter().all(|heard| heard.state != State::Refused));
    let status = agent.status_where(|status| status.freshness == Freshness::Fresh).await;
    assert_eq!((status.revision, status.lag), (Some(Revision(19)), 0));
    assert_eq!((status.store.url, status.store.connected), (Some(store.url()), true));
    assert_eq!(heard.last().unwrap().effective_tree, status.effective_tree.unwrap().to_string());
    assert!(status.views.iter().filter(|view| view.current).count() == 1);
    assert_eq!(store.greetings(), [None]);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn client_libraries_find_liveness_beside_the_views() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    agent.status_where(|status| status.freshness == Freshness::Fresh).await;
    let read = || fs::read(folder.path().join("state.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let fresh = |state: &AgentState| state.upstream.contains_key(&Namespace::main()) && state.store.is_some();
    let state = eventually(|| read().filter(fresh)).await;
    assert_eq!(state.upstream[&Namespace::main()].position.revision, Revision(1));
    assert_eq!((state.fresh_for_ms, state.store), (10_000, Some(store.url())));
    agent.stop().await;
    store.stop().await;
}

fn name(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

/// A revision of `main` with some mounts, each from a revision on.
fn mounting(n: u64, mounts: &[(&str, Option<u64>)]) -> Files {
    let mount = |(name, since): &(&str, Option<u64>)| Mount {
        prefix: ConfigPath::parse(name).unwrap(),
        namespace: self::name(name),
        since: since.map(|revision| Position { epoch: Epoch::FIRST, revision: Revision(revision) }),
    };
    let table = mounts.iter().fold(MountTable::default(), |table, entry| table.with(mount(entry)).unwrap());
    let mut all = revision(n);
    all.extend(files([(MOUNTS, serde_json::to_string(&table).unwrap().as_str())]));
    all
}

/// The files of `main` with those of other namespaces at their prefixes.
fn together(mut main: Files, others: &[(&str, Files)]) -> Files {
    for (prefix, files) in others {
        main.extend(files.iter().map(|(path, file)| (format!("{prefix}/{path}"), file.clone())));
    }
    main
}

#[tokio::test]
async fn a_mounted_namespace_appears_moves_alone_and_survives_a_restart() {
    for layout in [Layout::Plain, Layout::Linked] {
        let (folder, store, traffic) = (folder(), FakeStore::start().await, name("traffic"));
        let settings = Settings { layout, ..settings(folder.path(), &[store.url()]) };
        store.land(revision(1));
        store.land_in(&traffic, revision(1));
        let agent = Running::start(settings.clone()).await;
        store.applied(1).await;
        assert_eq!(visible(folder.path()), revision(1), "what is not mounted is not asked for");
        store.land(mounting(2, &[("traffic", Some(2))]));
        let status = agent.status_where(|status| !status.waiting_for.is_empty()).await;
        assert_eq!(status.waiting_for, ["traffic from r2 on"]);
        assert_eq!(
            (status.revision, status.namespaces[&Namespace::main()].parked),
            (Some(Revision(1)), Some(Revision(2)))
        );
        assert_eq!(visible(folder.path()), revision(1), "readers keep what they see");
        store.land_in(&traffic, revision(2));
        store.applied_in(&traffic, 2).await;
        assert_eq!(visible(folder.path()), together(mounting(2, &[("traffic", Some(2))]), &[("traffic", revision(2))]));
        let status = agent.status_where(|status| status.revision == Some(Revision(2))).await;
        assert!(status.waiting_for.is_empty());
        let reported = &status.namespaces[&traffic];
        assert_eq!((reported.prefix.as_deref(), reported.revision), (Some("traffic"), Some(Revision(2))));
        let record: ViewRecord = serde_json::from_slice(
            &fs::read(folder.path().join(format!("views/{}.json", status.view.unwrap()))).unwrap(),
        )
        .unwrap();
        assert_eq!(record.namespaces[&traffic].prefix, "traffic");
        assert_eq!(record.namespaces[&Namespace::main()].effective_tree, status.effective_tree.unwrap());
        agent.stop().await;

        let agent = Running::start(settings).await;
        store.land_in(&traffic, revision(3));
        store.applied_in(&traffic, 3).await;
        assert_eq!(store.greetings().last(), Some(&Some(2)), "differences are enough");
        assert_eq!(visible(folder.path()), together(mounting(2, &[("traffic", Some(2))]), &[("traffic", revision(3))]));
        store.land(revision(3));
        store.applied(3).await;
        assert_eq!(visible(folder.path()), revision(3), "what is not mounted any more is gone");
        agent.stop().await;
        store.stop().await;
    }
}

#[tokio::test]
async fn a_namespace_that_moves_out_of_main_is_one_flip_without_a_change() {
    let (folder, store, traffic) = (folder(), FakeStore::start().await, name("traffic"));
    store.land(together(revision(1), &[("traffic", revision(7))]));
    store.land_in(&traffic, revision(7));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    let inode = |path: &str| fs::metadata(folder.path().join("current").join(path)).unwrap().ino();
    let before = (visible(folder.path()), inode("traffic/dir/b.json"));
    let views = agent.status_where(|status| status.revision.is_some()).await.views.len();
    store.land(mounting(1, &[("traffic", Some(1))]));
    store.applied(2).await;
    let mut after = visible(folder.path());
    assert!(after.remove(MOUNTS).is_some());
    assert_eq!((after, inode("traffic/dir/b.json")), before);
    let status = agent.status_where(|status| status.revision == Some(Revision(2))).await;
    assert_eq!(status.views.len(), views + 1);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn a_namespace_that_a_host_may_not_read_is_left_out_and_told_of() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.deny(&name("secret"));
    store.land_in(&name("secret"), revision(1));
    let mounts = [("empty", None), ("secret", Some(1))];
    store.land(mounting(1, &mounts));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    assert_eq!(visible(folder.path()), mounting(1, &mounts));
    let status = agent.status_where(|status| status.revision.is_some()).await;
    assert!(status.namespaces[&name("secret")].denied && !status.namespaces[&name("empty")].denied);
    store.land_in(&name("empty"), revision(4));
    store.applied_in(&name("empty"), 1).await;
    assert_eq!(visible(folder.path()), together(mounting(1, &mounts), &[("empty", revision(4))]));
    agent.status_where(|status| status.freshness == Freshness::Fresh).await;
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn an_altered_update_of_one_namespace_is_asked_for_again_alone() {
    let (folder, store, traffic) = (folder(), FakeStore::start().await, name("traffic"));
    let mounts = [("traffic", Some(1))];
    store.land(mounting(1, &mounts));
    store.land_in(&traffic, revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied_in(&traffic, 1).await;
    store.corrupt_next(1);
    store.land_in(&traffic, revision(2));
    let heard = store.applied_in(&traffic, 2).await;
    let refused: Vec<_> = heard.iter().filter(|heard| heard.state == State::Refused).collect();
    assert!(refused.len() == 1 && refused[0].namespace == traffic, "{heard:?}");
    assert_eq!(store.greetings().last(), Some(&Some(1)), "main is held all the time");
    assert_eq!(visible(folder.path()), together(mounting(1, &mounts), &[("traffic", revision(2))]));
    agent.stop().await;
    store.stop().await;
}

async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + GRACE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "it does not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn with_everything_down_a_restarted_host_serves_and_then_catches_up() {
    for layout in [Layout::Plain, Layout::Linked] {
        let (folder, store) = (folder(), FakeStore::start().await);
        let settings = Settings { layout, ..settings(folder.path(), &[store.url()]) };
        store.land(revision(1));
        let agent = Running::start(settings.clone()).await;
        store.applied(1).await;
        agent.stop().await;
        let addr = store.addr();
        store.stop().await;

        let agent = Running::start(settings).await;
        assert!(agent.readiness.is_ready());
        assert_eq!(agent.get("/readyz").await.0, 200);
        let status = agent.status_where(|status| status.store.last_error.is_some()).await;
        assert_eq!((status.revision, status.freshness), (Some(Revision(1)), Freshness::Unknown));
        assert_eq!(visible(folder.path()), revision(1));

        let store = FakeStore::start_at(addr).await;
        store.land(revision(1));
        store.land(revision(2));
        store.applied(2).await;
        assert_eq!(visible(folder.path()), revision(2));
        assert_eq!(store.greetings(), [Some(1)], "a difference is enough");
        agent.stop().await;
        store.stop().await;
    }
}

#[tokio::test]
async fn an_altered_update_is_refused_and_a_full_sync_follows() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    store.corrupt_next(1);
    store.land(revision(2));
    let heard = store.applied(2).await;
    let refused: Vec<_> = heard.iter().filter(|heard| heard.state == State::Refused).collect();
    assert_eq!(refused.len(), 1, "{heard:?}");
    assert!(refused[0].reason.contains("did not arrive and is not on this host"), "{}", refused[0].reason);
    assert_eq!(store.greetings(), [None, None], "the second one asks for everything");
    assert_eq!(visible(folder.path()), revision(2));
    let status = agent.status_where(|status| status.revision == Some(Revision(2))).await;
    assert!(status.refusals.is_empty(), "it took the revision in the end");
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn a_store_that_keeps_sending_garbage_changes_nothing() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    store.corrupt_next(u32::MAX);
    store.land(revision(2));
    let refused = |all: &Vec<_>| {
        all.iter().filter(|heard: &&crate::fake_store::Heard| heard.state == State::Refused).count() >= 3
    };
    store.heard(refused).await;
    assert_eq!(visible(folder.path()), revision(1));
    let status = agent.status_where(|status| !status.refusals.is_empty()).await;
    assert_eq!((status.revision, status.refusals[0].revision), (Some(Revision(1)), Revision(2)));
    store.corrupt_next(0);
    store.applied(2).await;
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn a_host_with_a_wrong_store_says_so_and_finds_others_through_the_server() {
    let (folder, store, server) = (folder(), FakeStore::start().await, FakeStore::start().await);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let wrong = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    store.land(revision(1));
    let wrong_only = settings(folder.path(), std::slice::from_ref(&wrong));
    let agent = Running::start(wrong_only.clone()).await;
    let status = agent.status_where(|status| status.store.last_error.is_some()).await;
    assert!(status.store.last_error.as_ref().unwrap().starts_with(&wrong), "{status:?}");
    assert_eq!((status.ready, status.revision), (false, None));
    let (code, reasons) = agent.get("/readyz").await;
    assert!(code == 503 && reasons.starts_with("no revision on this host yet\n"), "{reasons}");
    agent.stop().await;

    server.announce(&[&store]);
    let agent = Running::start(Settings { server: Some(server.url()), ..wrong_only }).await;
    store.applied(1).await;
    let status = agent.status().await;
    assert_eq!(status.store.url, Some(store.url()));
    agent.stop().await;
    store.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn when_a_store_goes_the_host_moves_to_another() {
    let (folder, first, second) = (folder(), FakeStore::start().await, FakeStore::start().await);
    for store in [&first, &second] {
        store.land(revision(1));
    }
    let agent = Running::start(settings(folder.path(), &[first.url(), second.url()])).await;
    let status = agent.status_where(|status| status.revision.is_some() && status.store.connected).await;
    let first_chosen = status.store.url == Some(first.url());
    let (gone, left) = if first_chosen { (first, second) } else { (second, first) };
    gone.stop().await;
    left.land(revision(2));
    left.applied(2).await;
    assert_eq!(visible(folder.path()), revision(2));
    agent.stop().await;
    left.stop().await;
}

#[tokio::test]
async fn refusals_of_readers_reach_status_and_store() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    let report = ReaderReport {
        pid: 42,
        program: "shop".into(),
        path: configbus_model::ConfigPath::parse("a.json").unwrap(),
        revision: Revision(1),
        state: configbus_model::ReportedState::Refused,
        reason: Some("limit is negative".into()),
    };
    let socket = UnixDatagram::unbound().unwrap();
    let path = folder.path().join("agent.sock");
    socket.send_to(b"garbage", &path).unwrap();
    socket.send_to(&serde_json::to_vec(&report).unwrap(), &path).unwrap();
    let heard = store.heard(|all| all.iter().any(|heard| heard.state == State::Refused)).await;
    assert_eq!(heard.last().unwrap().reason, "shop (42) does not take a.json of r1: limit is negative");
    let status = agent.status().await;
    assert_eq!((status.readers.malformed, status.readers.refusing[0].pid), (1, 42));
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn local_http_answers_this_host_only() {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(1));
    configbus_runtime::telemetry::init_metrics();
    let agent = Running::start(settings(folder.path(), &[store.url()])).await;
    store.applied(1).await;
    agent.status_where(|status| status.revision.is_some()).await;
    let foreign = get(TcpStream::connect(agent.addr).await.unwrap(), "/status", "evil.example").await;
    assert_eq!(foreign.0, 421);
    assert_eq!(agent.get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(agent.get("/nothing").await.0, 404);
    let (_, metrics) = agent.get("/metrics").await;
    for name in ["applied_revision", "lag_revisions", "apply_seconds_count"] {
        assert!(metrics.contains(&format!("configbus_agent_{name}{{host=\"host-1\"}}")), "{name} in {metrics}");
    }
    let socket = UnixStream::connect(folder.path().join("http.sock")).await.unwrap();
    assert_eq!(get(socket, "/status", "any.name").await.0, 200);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn a_second_agent_on_one_root_refuses() {
    let folder = folder();
    let settings = settings(folder.path(), &["http://127.0.0.1:1".into()]);
    let first = Agent::build(settings.clone()).await.unwrap();
    let refused = Agent::build(settings.clone()).await.err().unwrap();
    assert!(matches!(refused, BuildError::Open(_)) && refused.kind() == ErrorKind::Unavailable);
    drop(first);
    Agent::build(settings).await.unwrap();
}
