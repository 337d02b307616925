//! Service `Distribution`, the part a server has: packs for stores, and who the stores are.

use super::Answers;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use bytes::{Bytes, BytesMut};
use configbus_gitstore::PackError;
use configbus_model::{CommitId, ErrorKind};
use configbus_proto::convert::{member_to_wire, namespace_from_wire};
use configbus_proto::v1;
use configbus_proto::v1::distribution_server::Distribution;
use configbus_runtime::Tasks;
use futures_util::StreamExt as _;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Bytes of one message of a pack.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks made ahead of a slow reader.
const CHUNKS_AHEAD_MAX: usize = 4;

/// Packs asked for at a time, those that wait for a thread included.
const PACKS_MAX: usize = 256;

/// When a store that was one too many may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct DistributionService {
    bus: Arc<Bus>,
    tasks: Tasks,
    packs: Arc<Semaphore>,
}

impl DistributionService {
    pub(super) fn new(bus: Arc<Bus>, tasks: Tasks) -> Self {
        Self { bus, tasks, packs: Arc::new(Semaphore::new(PACKS_MAX)) }
    }
}

#[tonic::async_trait]
impl Distribution for DistributionService {
    type SubscribeStream = Answers<v1::SubscribeResponse>;

    async fn subscribe(
        &self,
        _: Request<Streaming<v1::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let text = "a server feeds stores, not hosts: subscribe to a store (Distribution.Members names them)";
        Err(Failure::new(ErrorKind::Unsupported, text).into())
    }

    type PackStream = Answers<v1::PackResponse>;

    async fn pack(&self, request: Request<v1::PackRequest>) -> Result<Response<Self::PackStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let live = self.bus.namespace(&caller, &namespace_from_wire(&request.namespace)?)?;
        let commit = |text: &str| text.parse::<CommitId>().map_err(Failure::invalid);
        let (from, to) = (commit(&request.from)?, commit(&request.to)?);
        // Only what is on main is handed out: the repository holds other branches as well.
        if live.store.revision_of(to).is_none() {
            return Err(Failure::not_found(format!("{to} is not on main of {}", live.name)).into());
        }
        let place = Arc::clone(&self.packs)
            .try_acquire_owned()
            .map_err(|_| Failure::exhausted("too many packs at once", RETRY_AFTER))?;
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD_MAX);
        self.tasks.spawn_connection("pack", async move {
            send_pack(&live, from, to, sender).await;
            drop(place);
            Ok::<(), Infallible>(())
        });
        let mut answers = ReceiverStream::new(receiver).peekable();
        // The first answer decides: an unknown commit is an error of the call, not of its stream.
        let refused = std::pin::Pin::new(&mut answers).next_if(Result::is_err).await;
        match refused {
            Some(Err(status)) => Err(status),
            _ => Ok(Response::new(answers.boxed())),
        }
    }

    async fn members(&self, request: Request<v1::MembersRequest>) -> Result<Response<v1::MembersResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let sight = self.bus.sight(&caller);
        let members = self.bus.registry.members();
        let members = members.borrow().iter().map(|member| member_to_wire(&sight.member(member))).collect();
        Ok(Response::new(v1::MembersResponse { members }))
    }
}

type Sender = mpsc::Sender<Result<v1::PackResponse, Status>>;

async fn send_pack(live: &LiveNamespace, from: CommitId, to: CommitId, sender: Sender) {
    let (store, chunks) = (live.store.clone(), sender.clone());
    let outcome = live
        .transfer(move || {
            let mut writer = ChunkWriter { buffer: BytesMut::with_capacity(CHUNK_BYTES), chunks };
            store.pack_between(from, to, &mut writer)?;
            writer.finish().map_err(PackError::Write)
        })
        .await;
    if let Err(error) = outcome {
        let failure = match error.kind() {
            ErrorKind::Internal => Failure::internal(&error),
            kind => Failure::new(kind, error.to_string()),
        };
        let _ = sender.send(Err(failure.into())).await;
    }
}

/// Cuts what is written into messages. Blocks while the reader is behind.
struct ChunkWriter {
    buffer: BytesMut,
    chunks: Sender,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        let data: Bytes = self.buffer.split().freeze();
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.chunks.blocking_send(Ok(v1::PackResponse { data })).map_err(gone)
    }

    fn finish(mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}

impl io::Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
