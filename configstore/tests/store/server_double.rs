//! What a store needs of a server, over a real repository: heads, packs, `git fetch`, reports. It can be stopped,
//! started again, restored to an earlier revision, and told to send broken packs.

use crate::git_http;
use bytes::Bytes;
use configbus_coordination::{Embedded, EmbeddedService};
use configbus_gitstore::{
    CommitMeta, EditLanding, HeadCommit, Person, RepositorySettings, Store, TreeChange, TreeEdit,
};
use configbus_model::{ConfigPath, Epoch, Head, Namespace};
use configbus_proto::{
    convert::heads_to_wire,
    status, v1,
    v1::{
        coordination_server::CoordinationServer,
        distribution_server::{Distribution, DistributionServer},
        fleet_server::{Fleet, FleetServer},
    },
};
use configbus_runtime::Tasks;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, service::Routes, transport::Server};

/// How packs are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packs {
    Whole,
    /// One byte in the middle is another.
    Altered,
    /// As if the commits were not related.
    Refused,
}

struct State {
    store: Store,
    /// Namespaces besides `main`.
    others: BTreeMap<Namespace, Store>,
    epoch: Epoch,
    packs: Packs,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Every report so far, per stream.
    reports: watch::Sender<Vec<Vec<v1::ReportRequest>>>,
    packs_sent: AtomicUsize,
    git_asked: AtomicUsize,
}

pub(crate) struct ServerDouble {
    _dir: TempDir,
    shared: Arc<Shared>,
    registry: Arc<Embedded>,
    addr: SocketAddr,
    running: Option<Tasks>,
}

impl ServerDouble {
    /// Starts with an empty repository.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join("main.git"), &RepositorySettings::default()).unwrap();
        let state = State { store, others: BTreeMap::new(), epoch: Epoch::FIRST, packs: Packs::Whole };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            reports: watch::Sender::default(),
            packs_sent: AtomicUsize::new(0),
            git_asked: AtomicUsize::new(0),
        });
        let mut double = Self {
            _dir: dir,
            shared,
            registry: Embedded::new(),
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
        };
        double.resume().await;
        double
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns the registry it offers to stores that have no other.
    pub(crate) fn registry(&self) -> Arc<Embedded> {
        self.registry.clone()
    }

    /// Serves again, at the same address.
    pub(crate) async fn resume(&mut self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        self.addr = listener.local_addr().unwrap();
        let tasks = Tasks::new("double");
        let (shared, shutdown) = (self.shared.clone(), tasks.shutdown_token());
        let git = shared.clone();
        let repository: git_http::Repository = Arc::new(move |name| {
            git.git_asked.fetch_add(1, SeqCst);
            let namespace = Namespace::parse(name.trim_end_matches(".git")).unwrap();
            git.state.lock().unwrap().store_of(&namespace).unwrap().dir().to_owned()
        });
        let routes = Routes::from(git_http::routes(repository))
            .add_service(CoordinationServer::new(EmbeddedService::new(self.registry.clone(), tasks.clone())))
            .add_service(FleetServer::new(Service(shared.clone(), tasks.clone())))
            .add_service(DistributionServer::new(Service(shared, tasks.clone())));
        tasks.spawn("serve", async move {
            Server::builder()
                .accept_http1(true)
                .add_routes(routes)
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), shutdown.cancelled_owned())
                .await
        });
        self.running = Some(tasks);
    }

    /// Stops answering.
    pub(crate) async fn pause(&mut self) {
        if let Some(tasks) = self.running.take() {
            tasks.shutdown();
            tasks.join(Duration::from_secs(10)).await.unwrap();
        }
    }

    /// Lands one commit with these files and returns the new head.
    pub(crate) fn land(&self, files: &[(&str, &str)]) -> Head {
        let edits: Vec<_> = files.iter().map(|(path, content)| put(path, content.as_bytes())).collect();
        self.land_edits(&edits)
    }

    pub(crate) fn land_edits(&self, edits: &[TreeEdit]) -> Head {
        let state = self.shared.state.lock().unwrap();
        state.land(&state.store, edits)
    }

    /// Lands one commit in another namespace, which is made when there is none.
    pub(crate) fn land_in(&self, namespace: &Namespace, files: &[(&str, &str)]) -> Head {
        let edits: Vec<_> = files.iter().map(|(path, content)| put(path, content.as_bytes())).collect();
        let dir = self._dir.path().join(format!("{namespace}.git"));
        let mut state = self.shared.state.lock().unwrap();
        let make = || Store::create(&dir, &RepositorySettings::default()).unwrap();
        let store = state.others.entry(namespace.clone()).or_insert_with(make).clone();
        state.land(&store, &edits)
    }

    /// Returns what the server says its head is.
    pub(crate) fn head(&self) -> Head {
        self.shared.head().unwrap()
    }

    /// Goes back to an earlier revision, as a restore from backup does; `epoch` is what it says it is then.
    pub(crate) fn restore(&self, revision: u64, epoch: u64) {
        let mut state = self.shared.state.lock().unwrap();
        let commit = state.store.commit_at(configbus_model::Revision(revision)).unwrap().unwrap().commit;
        let dir = state.store.dir().to_owned();
        // What only the journal has would come back when it is opened again.
        state.store.checkpoint().unwrap();
        check_git(&dir, &["update-ref", "refs/heads/main", &commit.to_string()]);
        state.store = Store::open(&dir).unwrap();
        state.epoch = Epoch(epoch);
    }

    pub(crate) fn send_packs(&self, packs: Packs) {
        self.shared.state.lock().unwrap().packs = packs;
    }

    pub(crate) fn packs_sent(&self) -> usize {
        self.shared.packs_sent.load(SeqCst)
    }

    pub(crate) fn git_asked(&self) -> usize {
        self.shared.git_asked.load(SeqCst)
    }

    /// Watches all reports, one list per stream.
    pub(crate) fn reports(&self) -> watch::Receiver<Vec<Vec<v1::ReportRequest>>> {
        self.shared.reports.subscribe()
    }
}

impl State {
    fn store_of(&self, namespace: &Namespace) -> Option<&Store> {
        if *namespace == Namespace::main() { Some(&self.store) } else { self.others.get(namespace) }
    }

    fn land(&self, store: &Store, edits: &[TreeEdit]) -> Head {
        let head = store.head();
        let landing = store.land_edits(head.as_ref(), edits, &meta()).unwrap();
        let EditLanding::Landed { commit, .. } = landing else { panic!("nothing changed") };
        let moved = store.move_head(head.map(|head| head.commit), commit, 1_000).unwrap();
        head_of(self.epoch, &moved)
    }
}

impl Shared {
    fn head(&self) -> Option<Head> {
        let state = self.state.lock().unwrap();
        state.store.head().map(|head| head_of(state.epoch, &head))
    }

    fn heads(&self) -> BTreeMap<Namespace, Head> {
        let main = self.head().map(|head| (Namespace::main(), head));
        let state = self.state.lock().unwrap();
        let head = |(name, store): (&Namespace, &Store)| Some((name.clone(), head_of(state.epoch, &store.head()?)));
        main.into_iter().chain(state.others.iter().filter_map(head)).collect()
    }
}

fn head_of(epoch: Epoch, head: &HeadCommit) -> Head {
    Head {
        epoch,
        revision: head.revision,
        commit: head.commit,
        tree: head.tree,
        time_ms: head.landed_ms,
        traceparent: None,
    }
}

/// Returns an edit that makes a file.
pub(crate) fn put(path: &str, content: &[u8]) -> TreeEdit {
    let change = TreeChange::Put { mode: None, content: Bytes::copy_from_slice(content) };
    TreeEdit { path: ConfigPath::parse(path).unwrap(), change }
}

fn meta() -> CommitMeta {
    let person = Person { name: "Ada".into(), email: "ada@example.com".into() };
    CommitMeta { author: person.clone(), committer: person, time_ms: 1_000, message: "change".into() }
}

pub(crate) fn check_git(dir: &Path, args: &[&str]) {
    let output = Command::new("git").arg("-C").arg(dir).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

struct Service(Arc<Shared>, Tasks);

type Answers<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl Distribution for Service {
    type SubscribeStream = Answers<v1::SubscribeResponse>;
    type PackStream = Answers<v1::PackResponse>;

    async fn subscribe(
        &self,
        _: Request<Streaming<v1::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(Status::unimplemented("a server feeds stores"))
    }

    async fn pack(&self, request: Request<v1::PackRequest>) -> Result<Response<Self::PackStream>, Status> {
        let request = request.into_inner();
        let (store, packs) = {
            let state = self.0.state.lock().unwrap();
            let namespace = Namespace::parse(&request.namespace).unwrap();
            (state.store_of(&namespace).unwrap().clone(), state.packs)
        };
        let not_found =
            |text: String| status::to_status(configbus_model::ErrorKind::NotFound, text, &Default::default());
        let (from, to) = (request.from.parse().unwrap(), request.to.parse().unwrap());
        if packs == Packs::Refused || store.revision_of(to).is_none() {
            return Err(not_found("no such pack".to_owned()));
        }
        let mut pack = Vec::new();
        store.pack_between(from, to, &mut pack).map_err(|error| not_found(error.to_string()))?;
        if packs == Packs::Altered {
            let middle = pack.len() / 2;
            pack[middle] ^= 0x55;
        }
        self.0.packs_sent.fetch_add(1, SeqCst);
        let (sender, receiver) = tokio::sync::mpsc::channel(pack.len() / 1_000 + 1);
        for piece in pack.chunks(1_000) {
            sender.try_send(Ok(v1::PackResponse { data: Bytes::copy_from_slice(piece) })).unwrap();
        }
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn members(&self, _: Request<v1::MembersRequest>) -> Result<Response<v1::MembersResponse>, Status> {
        Ok(Response::new(v1::MembersResponse::default()))
    }
}

#[tonic::async_trait]
impl Fleet for Service {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let heads = heads_to_wire(&self.0.heads());
        Ok(Response::new(v1::StatusResponse { heads, ..v1::StatusResponse::default() }))
    }

    async fn wait(&self, _: Request<v1::WaitRequest>) -> Result<Response<v1::WaitResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn hosts(&self, _: Request<v1::HostsRequest>) -> Result<Response<v1::HostsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let mut messages = request.into_inner();
        let mut stream = 0;
        self.0.reports.send_modify(|reports| {
            stream = reports.len();
            reports.push(Vec::new());
        });
        let shutdown = self.1.shutdown_token();
        while let Some(message) = tokio::select! {
            message = messages.message() => message?,
            () = shutdown.cancelled() => None,
        } {
            self.0.reports.send_modify(|reports| reports[stream].push(message));
        }
        Ok(Response::new(v1::ReportResponse {}))
    }
}
