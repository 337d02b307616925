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
    pub(crate) state: State,
    pub(crate) revision: u64,
    pub(crate) effective_tree: String,
    pub(crate) reason: String,
}

#[derive(Debug, Default)]
struct Shared {
    history: watch::Sender<Vec<Files>>,
    /// Updates that are still to be sent with one byte altered.
    corrupt: AtomicU32,
    greetings: Mutex<Vec<Option<u64>>>,
    heard: watch::Sender<Vec<Heard>>,
    members: Mutex<Vec<v1::Member>>,
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

    /// Lands a revision; the first is r1.
    pub(crate) fn land(&self, files: Files) {
        self.shared.history.send_modify(|history| history.push(files));
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

    /// Waits until a host has applied a revision.
    pub(crate) async fn applied(&self, revision: u64) -> Vec<Heard> {
        self.heard(|all| all.iter().any(|heard| heard.state == State::Applied && heard.revision == revision)).await
    }

    /// Returns the revisions hosts said they hold, one for each greeting.
    pub(crate) fn greetings(&self) -> Vec<Option<u64>> {
        self.shared.greetings.lock().unwrap().clone()
    }

    pub(crate) async fn stop(self) {
        self.tasks.shutdown();
        self.tasks.join(Duration::from_secs(10)).await.unwrap();
    }

    fn head(&self) -> Option<Head> {
        let history = self.shared.history.borrow();
        let newest = history.last()?;
        Some(delta(None, history.len() as u64, newest).to)
    }

    fn update(&self, holding: Option<u64>) -> Option<(u64, Vec<SubscribeResponse>)> {
        let history = self.shared.history.borrow().clone();
        let revision = history.len() as u64;
        let newest = history.last().filter(|_| holding.is_none_or(|held| held < revision))?;
        let old = holding.map(|held| (held, &history[usize::try_from(held).unwrap() - 1]));
        let delta = delta(old, revision, newest);
        let wire = |head: &Head| head_to_wire(&Namespace::main(), head);
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
        let head = self.head().map(|head| head_to_wire(&Namespace::main(), &head));
        let heads: Vec<_> = head.into_iter().collect();
        let heartbeat =
            v1::Heartbeat { heads: heads.clone(), upstream_heads: heads, members: vec![], upstream_connected: true };
        SubscribeResponse { message: Some(subscribe_response::Message::Heartbeat(heartbeat)) }
    }

    /// Returns what the host holds now, if the message says so.
    fn hear(&self, request: SubscribeRequest) -> Option<Option<u64>> {
        match request.message? {
            subscribe_request::Message::Hello(hello) => {
                let holding = hello.holding.first().map(|head| head.revision);
                self.shared.greetings.lock().unwrap().push(holding);
                Some(holding)
            }
            subscribe_request::Message::Acknowledgement(said) => {
                let (_, head) = head_from_wire(&said.head.clone().unwrap()).unwrap();
                let (state, revision) = (said.state(), head.revision.0);
                let heard = Heard { state, revision, effective_tree: said.effective_tree, reason: said.reason };
                self.shared.heard.send_modify(|all| all.push(heard));
                (state == State::Applied).then_some(Some(revision))
            }
        }
    }

    async fn talk(
        self,
        mut inbound: Streaming<SubscribeRequest>,
        out: mpsc::Sender<Result<SubscribeResponse, Status>>,
    ) -> Result<(), Infallible> {
        let mut history = self.shared.history.subscribe();
        let mut beats = interval(Duration::from_millis(200));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut holding, mut sent) = (None, 0);
        let mut greeted = false;
        let stop = self.tasks.shutdown_token();
        loop {
            let newest = history.borrow_and_update().len() as u64;
            if greeted
                && sent < newest
                && let Some((revision, messages)) = self.update(holding)
            {
                sent = revision;
                for message in messages {
                    let _gone = out.send(Ok(message)).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                message = inbound.message() => {
                    let Ok(Some(message)) = message else { return Ok(()) };
                    let is_hello = matches!(message.message, Some(subscribe_request::Message::Hello(_)));
                    if let Some(now) = self.hear(message) {
                        holding = now;
                        greeted = true;
                        if is_hello {
                            sent = 0;
                        }
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
