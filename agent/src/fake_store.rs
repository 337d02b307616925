//! A store for tests: serves revisions made by hand, remembers what hosts say, and misbehaves on demand.

use crate::delivery::fixture::{Files, delta};
use bytes::Bytes;
use configbus_model::{Head, Namespace};
use configbus_proto::{
    convert::{head_from_wire, head_to_wire},
    v1::{
        self, SubscribeRequest, SubscribeResponse,
        acknowledgement::State,
        distribution_server::{Distribution, DistributionServer},
        subscribe_request, subscribe_response,
    },
};
use configbus_runtime::Tasks;
use futures_util::stream;
use prost::Message as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// One answer of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) namespace: Namespace,
    pub(crate) state: State,
    pub(crate) revision: u64,
    pub(crate) effective_tree: String,
    pub(crate) reason: String,
}

#[derive(Debug, Default)]
struct Shared {
    history: watch::Sender<BTreeMap<Namespace, Vec<Files>>>,
    /// Namespaces that hosts may not read.
    denied: Mutex<BTreeSet<Namespace>>,

    /// Updates that are still to be sent with one byte altered.
    corrupt: AtomicU32,
    greetings: Mutex<Vec<Option<u64>>>,
    heard: watch::Sender<Vec<Heard>>,
    members: Mutex<Vec<v1::Member>>,
}

/// What is known of the host at the other end.
#[derive(Debug, Default)]
struct Peer {
    greeted: bool,
    wanted: BTreeSet<Namespace>,
    holding: BTreeMap<Namespace, u64>,
    sent: BTreeMap<Namespace, u64>,
}

impl Peer {
    fn want(&mut self, namespaces: &[String]) {
        self.wanted = namespaces.iter().map(|name| Namespace::parse(name).unwrap()).collect();
        self.sent.retain(|namespace, _| *namespace == Namespace::main() || self.wanted.contains(namespace));
    }
}

/// See the module. Stops with its tasks.
#[derive(Debug, Clone)]
pub(crate) struct FakeStore {
    shared: Arc<Shared>,
    tasks: Tasks,
    addr: SocketAddr,
}

impl FakeStore {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let store = Self {
            shared: Arc::new(Shared::default()),
            tasks: Tasks::new("fake-store"),
            addr: listener.local_addr().unwrap(),
        };
        let stop = store.tasks.shutdown_token();
        let serve = tonic::transport::Server::builder()
            .add_service(DistributionServer::new(store.clone()))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned());
        store.tasks.spawn("serve", serve);
        store
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Lands a revision of `main`; the first is r1.
    pub(crate) fn land(&self, files: Files) {
        self.land_in(&Namespace::main(), files);
    }

    /// Lands a revision of a namespace.
    pub(crate) fn land_in(&self, namespace: &Namespace, files: Files) {
        self.shared.history.send_modify(|history| history.entry(namespace.clone()).or_default().push(files));
    }

    /// Lets hosts read a namespace no more.
    pub(crate) fn deny(&self, namespace: &Namespace) {
        self.shared.denied.lock().unwrap().insert(namespace.clone());
    }

    /// Alters a byte of each of the next updates.
    pub(crate) fn corrupt_next(&self, updates: u32) {
        self.shared.corrupt.store(updates, Ordering::SeqCst);
    }

    /// Answers questions for members with these.
    pub(crate) fn announce(&self, stores: &[&Self]) {
        let member = |store: &&Self| v1::Member {
            role: v1::member::Role::Store.into(),
            id: store.url(),
            incarnation: "1".into(),
            url: store.url(),
            heads: vec![],
            subscribers: 0,
        };
        *self.shared.members.lock().unwrap() = stores.iter().map(member).collect();
    }

    /// Waits until hosts have said what `accept` waits for, and returns all they have said.
    pub(crate) async fn heard(&self, accept: impl FnMut(&Vec<Heard>) -> bool) -> Vec<Heard> {
        let mut heard = self.shared.heard.subscribe();
        let found = tokio::time::timeout(Duration::from_secs(60), heard.wait_for(accept)).await;
        found.expect("the host says so in time").unwrap().clone()
    }

    /// Waits until a host has applied a revision of `main`.
    pub(crate) async fn applied(&self, revision: u64) -> Vec<Heard> {
        self.applied_in(&Namespace::main(), revision).await
    }

    /// Waits until a host has applied a revision of a namespace.
    pub(crate) async fn applied_in(&self, namespace: &Namespace, revision: u64) -> Vec<Heard> {
        let is_it = |heard: &Heard| {
            heard.state == State::Applied && (&heard.namespace, heard.revision) == (namespace, revision)
        };
        self.heard(|all| all.iter().any(is_it)).await
    }

    /// Returns the revisions of `main` hosts said they hold, one for each greeting.
    pub(crate) fn greetings(&self) -> Vec<Option<u64>> {
        self.shared.greetings.lock().unwrap().clone()
    }

    pub(crate) async fn stop(self) {
        self.tasks.shutdown();
        self.tasks.join(Duration::from_secs(10)).await.unwrap();
    }

    fn heads(&self) -> Vec<v1::Head> {
        let history = self.shared.history.borrow();
        let head = |(namespace, all): (&Namespace, &Vec<Files>)| {
            Some(head_to_wire(namespace, &delta(None, all.len() as u64, all.last()?).to))
        };
        history.iter().filter_map(head).collect()
    }

    fn update(&self, namespace: &Namespace, holding: Option<u64>) -> Option<(u64, Vec<SubscribeResponse>)> {
        let history = self.shared.history.borrow().get(namespace)?.clone();
        let revision = history.len() as u64;
        let newest = history.last().filter(|_| holding.is_none_or(|held| held < revision))?;
        let old = holding.map(|held| (held, &history[usize::try_from(held).unwrap() - 1]));
        let delta = delta(old, revision, newest);
        let wire = |head: &Head| head_to_wire(namespace, head);
        let total_bytes = delta.trees.iter().chain(&delta.blobs).map(|object| object.len() as u64).sum();
        let corrupt = self.shared.corrupt.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let parts = delta.trees.iter().map(|tree| v1::ObjectSet { trees: vec![tree.clone()], blobs: vec![] });
        let blobs = delta.blobs.iter().map(|blob| v1::ObjectSet { trees: vec![], blobs: vec![blob.clone()] });
        let mut parts: Vec<_> = parts.chain(blobs).collect();
        if parts.is_empty() {
            parts.push(v1::ObjectSet::default());
        }
        if corrupt.is_ok() {
            for object in parts.iter_mut().flat_map(|set| set.trees.iter_mut().chain(&mut set.blobs)) {
                let mut altered = object.to_vec();
                altered.last_mut().into_iter().for_each(|byte| *byte ^= 1);
                *object = altered.into();
            }
        }
        let count = parts.len();
        let message = |(part, set): (usize, v1::ObjectSet)| {
            let update = v1::Update {
                to: Some(wire(&delta.to)),
                from: delta.from.as_ref().map(wire),
                objects: Bytes::from(zstd::bulk::compress(&set.encode_to_vec(), 1).unwrap()),
                part: u32::try_from(part).unwrap(),
                last: part + 1 == count,
                total_bytes,
            };
            SubscribeResponse { message: Some(subscribe_response::Message::Update(update)) }
        };
        Some((revision, parts.into_iter().enumerate().map(message).collect()))
    }

    fn beat(&self) -> SubscribeResponse {
        let heads = self.heads();
        let heartbeat =
            v1::Heartbeat { heads: heads.clone(), upstream_heads: heads, members: vec![], upstream_connected: true };
        SubscribeResponse { message: Some(subscribe_response::Message::Heartbeat(heartbeat)) }
    }

    fn hear(&self, request: SubscribeRequest, peer: &mut Peer) {
        match request.message.expect("it is of this release") {
            subscribe_request::Message::Hello(hello) => {
                peer.greeted = true;
                peer.sent.clear();
                let held = hello.holding.iter().map(|head| head_from_wire(head).unwrap());
                peer.holding = held.map(|(namespace, head)| (namespace, head.revision.0)).collect();
                self.shared.greetings.lock().unwrap().push(peer.holding.get(&Namespace::main()).copied());
                peer.want(&hello.namespaces);
            }
            subscribe_request::Message::Want(want) => peer.want(&want.namespaces),
            subscribe_request::Message::Acknowledgement(said) => {
                let (namespace, head) = head_from_wire(&said.head.clone().unwrap()).unwrap();
                let (state, revision) = (said.state(), head.revision.0);
                if state == State::Applied {
                    peer.holding.insert(namespace.clone(), revision);
                }
                let heard =
                    Heard { namespace, state, revision, effective_tree: said.effective_tree, reason: said.reason };
                self.shared.heard.send_modify(|all| all.push(heard));
            }
        }
    }

    /// Says which of the wanted namespaces will not come.
    fn scope(&self, peer: &Peer) -> SubscribeResponse {
        let denied = self.shared.denied.lock().unwrap();
        let denied = peer.wanted.iter().filter(|name| denied.contains(*name)).map(ToString::to_string).collect();
        let history = self.shared.history.borrow();
        let empty = peer.wanted.iter().filter(|name| !history.contains_key(*name)).map(ToString::to_string).collect();
        SubscribeResponse { message: Some(subscribe_response::Message::Scope(v1::Scope { denied, empty })) }
    }

    /// Returns an update that is due, if any.
    fn due(&self, peer: &mut Peer) -> Vec<SubscribeResponse> {
        let newest: Vec<_> =
            self.shared.history.borrow().iter().map(|(namespace, all)| (namespace.clone(), all.len() as u64)).collect();
        let denied = self.shared.denied.lock().unwrap().clone();
        let is_due = |(namespace, newest): &(Namespace, u64)| {
            let wanted = *namespace == Namespace::main() || peer.wanted.contains(namespace);
            wanted && !denied.contains(namespace) && peer.sent.get(namespace).is_none_or(|sent| sent < newest)
        };
        let due: Vec<_> = newest.into_iter().filter(|_| peer.greeted).filter(is_due).collect();
        for (namespace, _) in due {
            if let Some((revision, messages)) = self.update(&namespace, peer.holding.get(&namespace).copied()) {
                peer.sent.insert(namespace, revision);
                return messages;
            }
        }
        vec![]
    }

    async fn talk(
        self,
        mut inbound: Streaming<SubscribeRequest>,
        out: mpsc::Sender<Result<SubscribeResponse, Status>>,
    ) -> Result<(), Infallible> {
        let mut history = self.shared.history.subscribe();
        let mut beats = interval(Duration::from_millis(200));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut peer = Peer::default();
        let stop = self.tasks.shutdown_token();
        loop {
            history.mark_unchanged();
            let due = self.due(&mut peer);
            let more = !due.is_empty();
            for message in due {
                let _gone = out.send(Ok(message)).await;
            }
            if more {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                message = inbound.message() => {
                    let Ok(Some(message)) = message else { return Ok(()) };
                    let wanted = peer.wanted.clone();
                    self.hear(message, &mut peer);
                    if peer.wanted != wanted {
                        let _gone = out.send(Ok(self.scope(&peer))).await;
                    }
                }
                _ = history.changed() => {}
                _ = beats.tick() => {
                    let _gone = out.try_send(Ok(self.beat()));
                }
            }
        }
    }
}

#[tonic::async_trait]
impl Distribution for FakeStore {
    type SubscribeStream = ReceiverStream<Result<SubscribeResponse, Status>>;
    type PackStream = stream::Empty<Result<v1::PackResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let (out, outbound) = mpsc::channel(4);
        self.tasks.spawn("talk", self.clone().talk(request.into_inner(), out));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }

    async fn pack(&self, _: Request<v1::PackRequest>) -> Result<Response<Self::PackStream>, Status> {
        Err(Status::unimplemented("agents ask for no packs"))
    }

    async fn members(&self, _: Request<v1::MembersRequest>) -> Result<Response<v1::MembersResponse>, Status> {
        let members = self.shared.members.lock().unwrap().clone();
        Ok(Response::new(v1::MembersResponse { members }))
    }
}
