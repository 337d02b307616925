//! Content is altered between store and agent, by something that speaks the protocol perfectly well.

use configbus_proto::{
    MESSAGE_BYTES_MAX,
    v1::{
        MembersRequest, MembersResponse, ObjectSet, PackRequest, PackResponse, SubscribeRequest, SubscribeResponse,
        Update,
        distribution_client::DistributionClient,
        distribution_server::{Distribution, DistributionServer},
        subscribe_response::Message,
    },
};
use configbus_tests::{
    cluster::{Cluster, Plan},
    eventually::eventually,
    ports::fixed_port,
    rest::Rest,
};
use prost::Message as _;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint, Server},
};

/// Objects of an update after decompression, at most.
const OBJECTS_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// What the test decides and sees.
#[derive(Debug, Default)]
struct Control {
    altering: AtomicBool,
    altered: AtomicUsize,
}

/// Stands between a store and an agent and passes everything on, with one bit of each blob turned when told to.
struct Forger {
    store: DistributionClient<Channel>,
    control: Arc<Control>,
}

#[tonic::async_trait]
impl Distribution for Forger {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;
    type PackStream = Pin<Box<dyn Stream<Item = Result<PackResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let from_agent = request.into_inner().take_while(Result::is_ok).filter_map(Result::ok);
        let from_store = self.store.clone().subscribe(from_agent).await?.into_inner();
        let control = Arc::clone(&self.control);
        let forged = from_store.map(move |response| response.map(|response| control.forge(response)));
        Ok(Response::new(Box::pin(forged)))
    }

    async fn pack(&self, _: Request<PackRequest>) -> Result<Response<Self::PackStream>, Status> {
        Err(Status::unimplemented("agents ask for no packs"))
    }

    async fn members(&self, _: Request<MembersRequest>) -> Result<Response<MembersResponse>, Status> {
        Ok(Response::new(MembersResponse::default()))
    }
}

impl Control {
    fn forge(&self, response: SubscribeResponse) -> SubscribeResponse {
        let message = response.message.map(|message| match message {
            Message::Update(update) if self.altering.load(Ordering::SeqCst) => Message::Update(self.alter(update)),
            // The agent shall not learn of the honest store, or it would go there.
            Message::Heartbeat(mut heartbeat) => {
                heartbeat.members.clear();
                Message::Heartbeat(heartbeat)
            }
            message => message,
        });
        SubscribeResponse { message }
    }

    fn alter(&self, mut update: Update) -> Update {
        let plain = zstd::bulk::decompress(&update.objects, OBJECTS_BYTES_MAX).unwrap();
        let mut objects = ObjectSet::decode(plain.as_slice()).unwrap();
        for blob in &mut objects.blobs {
            let mut content = blob.to_vec();
            if let Some(last) = content.last_mut() {
                *last ^= 1;
                self.altered.fetch_add(1, Ordering::SeqCst);
            }
            *blob = content.into();
        }
        update.objects = zstd::bulk::compress(&objects.encode_to_vec(), 1).unwrap().into();
        update
    }
}

/// Runs a forger in front of a store until the returned guard is dropped.
fn forge(store: &str, port: u16, control: Arc<Control>) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let inside = runtime.enter();
    let channel = Endpoint::from_shared(store.to_owned()).unwrap().connect_lazy();
    let store = DistributionClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let service = DistributionServer::new(Forger { store, control });
    let address = ([127, 0, 0, 1], port).into();
    let handle = runtime.handle().clone();
    thread::spawn(move || handle.block_on(Server::builder().add_service(service).serve(address)));
    drop(inside);
    runtime
}

#[test]
fn altered_content_is_refused_and_never_visible() {
    let control = Arc::new(Control::default());
    let port = fixed_port();
    let plan = Plan { agent_store: Some(format!("http://127.0.0.1:{port}")), ..Plan::default() };
    let mut cluster = Cluster::plan(&plan);
    let forger = forge(cluster.store.url(), port, Arc::clone(&control));
    cluster.server.start();
    cluster.server.ready();
    cluster.store.start();
    cluster.agent.start();
    let _ = cluster.run_with(&["put", "a.json"], b"1111").expect_ok();
    cluster.shows("a.json", "1111");

    control.altering.store(true, Ordering::SeqCst);
    let _ = cluster.run_with(&["put", "a.json"], b"2222").expect_ok();
    let agent = Rest::new(cluster.agent.url());
    let refusal = eventually("the agent refuses", || {
        assert_eq!(cluster.read("a.json").as_deref(), Some(&b"1111"[..]), "what was altered is visible");
        let status = agent.get("/status", &[]).json();
        status["refusals"][0]["reason"].as_str().map(ToOwned::to_owned)
    });
    assert!(control.altered.load(Ordering::SeqCst) > 0, "nothing was altered");
    assert!(!refusal.is_empty());
    assert_eq!(cluster.read("a.json").as_deref(), Some(&b"1111"[..]));

    control.altering.store(false, Ordering::SeqCst);
    cluster.shows("a.json", "2222");
    forger.shutdown_background();
}
