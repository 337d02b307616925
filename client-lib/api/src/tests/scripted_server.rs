//! A server whose answers are given one by one.

use configbus_proto::v1::{
    self,
    config_server::{Config, ConfigServer},
    fleet_server::{Fleet, FleetServer},
};
use futures_util::{Stream, StreamExt as _, stream};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};

/// Answers that are waiting, and requests that came.
#[derive(Debug)]
pub(super) struct Script<Q, A> {
    answers: Mutex<VecDeque<Result<A, Status>>>,
    requests: Mutex<Vec<Q>>,
}

impl<Q, A> Default for Script<Q, A> {
    fn default() -> Self {
        Self { answers: Mutex::default(), requests: Mutex::default() }
    }
}

impl<Q: Clone, A> Script<Q, A> {
    pub(super) fn answer(&self, answer: A) {
        self.answers.lock().unwrap().push_back(Ok(answer));
    }

    pub(super) fn refuse(&self, status: Status) {
        self.answers.lock().unwrap().push_back(Err(status));
    }

    pub(super) fn requests(&self) -> Vec<Q> {
        self.requests.lock().unwrap().clone()
    }

    /// Answers a request; one too many hangs for ever.
    async fn play(&self, request: Request<Q>) -> Result<Response<A>, Status> {
        self.requests.lock().unwrap().push(request.into_inner());
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer.map(Response::new),
            None => std::future::pending().await,
        }
    }
}

/// What a watch is told before its stream ends as given: `None` keeps it open, otherwise a clean end or an error.
pub(super) type Told = (Vec<v1::WatchResponse>, Option<Result<(), Status>>);

#[derive(Debug, Default)]
pub(super) struct Scripts {
    pub(super) get: Script<v1::GetRequest, v1::GetResponse>,
    pub(super) list: Script<v1::ListRequest, v1::ListResponse>,
    pub(super) log: Script<v1::LogRequest, v1::LogResponse>,
    pub(super) diff: Script<v1::DiffRequest, v1::DiffResponse>,
    pub(super) compare_and_set: Script<v1::CompareAndSetRequest, v1::CompareAndSetResponse>,
    pub(super) revert: Script<v1::RevertRequest, v1::RevertResponse>,
    pub(super) blame: Script<v1::BlameRequest, v1::BlameResponse>,
    pub(super) watch: Script<v1::WatchRequest, Told>,
    pub(super) status: Script<v1::StatusRequest, v1::StatusResponse>,
    pub(super) wait: Script<v1::WaitRequest, v1::WaitResponse>,
    pub(super) hosts: Script<v1::HostsRequest, v1::HostsResponse>,
}

/// A running server with a runtime of its own, so that its end cuts all connections.
pub(super) struct ScriptedServer {
    pub(super) scripts: Arc<Scripts>,
    pub(super) url: String,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl ScriptedServer {
    pub(super) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), Arc::default()).await
    }

    async fn start_at(address: SocketAddr, scripts: Arc<Scripts>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (config, fleet) = (Played(Arc::clone(&scripts)), Played(Arc::clone(&scripts)));
        let starting = runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = Server::builder()
                .add_service(ConfigServer::new(config))
                .add_service(FleetServer::new(fleet))
                .serve_with_incoming(TcpListenerStream::new(listener));
            Handle::current().spawn(server);
            address
        });
        let address = starting.await.unwrap();
        Self { scripts, url: format!("http://{address}"), address, runtime: Some(runtime) }
    }

    /// Cuts all connections and listens again at the same address.
    pub(super) async fn restart(mut self) -> Self {
        self.shut_down().await;
        Self::start_at(self.address, Arc::clone(&self.scripts)).await
    }

    /// Stops and returns the URL at which nobody listens any more.
    pub(super) async fn stop(mut self) -> String {
        self.shut_down().await;
        self.url.clone()
    }

    async fn shut_down(&mut self) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(super::DEADLINE)).await.unwrap();
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Played(Arc<Scripts>);

#[tonic::async_trait]
impl Config for Played {
    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::GetResponse>, Status> {
        self.0.get.play(request).await
    }

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        self.0.list.play(request).await
    }

    async fn log(&self, request: Request<v1::LogRequest>) -> Result<Response<v1::LogResponse>, Status> {
        self.0.log.play(request).await
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffResponse>, Status> {
        self.0.diff.play(request).await
    }

    async fn compare_and_set(
        &self,
        request: Request<v1::CompareAndSetRequest>,
    ) -> Result<Response<v1::CompareAndSetResponse>, Status> {
        self.0.compare_and_set.play(request).await
    }

    type CompareAndSetStreamStream =
        Pin<Box<dyn Stream<Item = Result<v1::CompareAndSetStreamResponse, Status>> + Send>>;

    /// Plays what single calls are answered; one that is unavailable breaks the stream.
    async fn compare_and_set_stream(
        &self,
        requests: Request<Streaming<v1::CompareAndSetRequest>>,
    ) -> Result<Response<Self::CompareAndSetStreamStream>, Status> {
        use v1::compare_and_set_stream_response::Outcome;
        let scripts = Arc::clone(&self.0);
        let answers = requests.into_inner().then(move |request| {
            let scripts = Arc::clone(&scripts);
            async move {
                let outcome = match scripts.compare_and_set.play(Request::new(request?)).await {
                    Ok(landed) => Outcome::Landed(landed.into_inner()),
                    Err(status) if status.code() == Code::Unavailable => return Err(status),
                    Err(status) => Outcome::Failure(v1::Failure {
                        code: status.code().into(),
                        message: status.message().to_owned(),
                        status: status.details().to_vec().into(),
                    }),
                };
                Ok(v1::CompareAndSetStreamResponse { outcome: Some(outcome) })
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn revert(&self, request: Request<v1::RevertRequest>) -> Result<Response<v1::RevertResponse>, Status> {
        self.0.revert.play(request).await
    }

    async fn blame(&self, request: Request<v1::BlameRequest>) -> Result<Response<v1::BlameResponse>, Status> {
        self.0.blame.play(request).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (messages, end) = self.0.watch.play(request).await?.into_inner();
        let told = stream::iter(messages.into_iter().map(Ok));
        Ok(Response::new(match end {
            None => told.chain(stream::pending()).boxed(),
            Some(Ok(())) => told.boxed(),
            Some(Err(status)) => told.chain(stream::iter([Err(status)])).boxed(),
        }))
    }
}

#[tonic::async_trait]
impl Fleet for Played {
    async fn status(&self, request: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        self.0.status.play(request).await
    }

    async fn wait(&self, request: Request<v1::WaitRequest>) -> Result<Response<v1::WaitResponse>, Status> {
        self.0.wait.play(request).await
    }

    async fn hosts(&self, request: Request<v1::HostsRequest>) -> Result<Response<v1::HostsResponse>, Status> {
        self.0.hosts.play(request).await
    }

    async fn report(&self, _: Request<Streaming<v1::ReportRequest>>) -> Result<Response<v1::ReportResponse>, Status> {
        Err(Status::unimplemented("clients do not report"))
    }
}
