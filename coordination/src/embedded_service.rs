//! The embedded registry for other processes: gRPC `Coordination.Join`.
//!
//! One task per stream reads what the member says of itself and keeps it listed; the answers are a plain stream over
//! the registry's channels. A member is taken off the list when its stream ends or has been silent for a lease.

use crate::{Embedded, HeadRegistry as _, Heads, announcement, head_record::HeadRecord, member_rules};
use configbus_model::{ErrorKind, Member, MemberRole};
use configbus_proto::{
    convert::{self, WireError},
    status,
    v1::{self, coordination_server::Coordination},
};
use configbus_runtime::Tasks;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status, Streaming};

/// How often either side speaks when it has nothing to say.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long either side may be silent before the other gives it up: five heartbeats.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// Streams at a time. Embedded coordination serves a few stores, not a fleet; each stream costs tens of kilobytes.
const STREAMS_MAX: usize = 1024;

/// Namespaces whose heads are held at a time; beyond those of the server whoever may announce could name any number.
const NAMESPACES_MAX: usize = 1024;

/// Serves an [`Embedded`] registry.
#[derive(Clone)]
pub struct EmbeddedService {
    registry: Arc<Embedded>,
    tasks: Tasks,
    streams: Arc<Semaphore>,
}

impl EmbeddedService {
    /// Serves `registry`; streams end when `tasks` shuts down.
    pub fn new(registry: Arc<Embedded>, tasks: Tasks) -> Self {
        Self { registry, tasks, streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }
}

#[tonic::async_trait]
impl Coordination for EmbeddedService {
    type JoinStream = BoxStream<'static, Result<v1::JoinResponse, Status>>;

    async fn join(&self, request: Request<Streaming<v1::JoinRequest>>) -> Result<Response<Self::JoinStream>, Status> {
        let permit = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            let text = format!("{STREAMS_MAX} members have joined already, use zookeeper for larger installations");
            status::to_status(ErrorKind::Exhausted, text, &status::Details::default())
        })?;
        let ended = CancellationToken::new();
        let reader = Reader {
            registry: Arc::clone(&self.registry),
            requests: request.into_inner(),
            shutdown: self.tasks.shutdown_token(),
            _ended: ended.clone().drop_guard(),
            _permit: permit,
        };
        self.tasks.spawn_connection("coordination-join", async move {
            reader.run().await;
            Ok::<(), Infallible>(())
        });
        Ok(Response::new(Answers::new(&self.registry, ended).into_stream()))
    }

    async fn announce(&self, request: Request<v1::AnnounceRequest>) -> Result<Response<v1::AnnounceResponse>, Status> {
        let head = request.into_inner().head.ok_or_else(|| WireError::new("head", "it is missing"))?;
        let (namespace, head) = convert::head_from_wire(&head)?;
        let refused = |kind, text: String| status::to_status(kind, text, &status::Details::default());
        if self.registry.is_claimed(&namespace) {
            return Err(refused(
                ErrorKind::Denied,
                format!("{namespace} is served here, its server announces it itself"),
            ));
        }
        let heads = self.registry.heads();
        let is_full = !heads.borrow().contains_key(&namespace) && heads.borrow().len() >= NAMESPACES_MAX;
        if is_full {
            let text = format!("heads of {NAMESPACES_MAX} namespaces are held already, use zookeeper for more");
            return Err(refused(ErrorKind::Exhausted, text));
        }
        let announced = self.registry.announce(&namespace, &head).await;
        let announced = announced.map_err(|error| refused(error.kind(), error.to_string()))?;
        Ok(Response::new(announcement::to_wire(&namespace, &announced)))
    }
}

/// Reads one stream and keeps its member listed meanwhile.
struct Reader {
    registry: Arc<Embedded>,
    requests: Streaming<v1::JoinRequest>,
    shutdown: CancellationToken,
    _ended: DropGuard,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn run(mut self) {
        let mut listed = None;
        while let Some(request) = self.next().await {
            match request.member.as_ref().map(checked_member).transpose() {
                Ok(None) => listed = None,
                Ok(Some(member)) => match &listed {
                    None => {
                        let (sender, receiver) = watch::channel(member);
                        listed = Some((sender, self.registry.list_store(receiver)));
                    }
                    Some((sender, _)) => replace(sender, member),
                },
                Err(status) => {
                    tracing::warn!(error = %status, "a member said something wrong of itself and was sent away");
                    return;
                }
            }
        }
    }

    /// Returns the next request, or nothing when the stream ended, broke or has been silent for a lease.
    async fn next(&mut self) -> Option<v1::JoinRequest> {
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            message = tokio::time::timeout(LEASE, self.requests.message()) => message.ok()?.ok()?,
        }
    }
}

fn replace(sender: &watch::Sender<Member>, member: Member) {
    sender.send_if_modified(|current| {
        let changed = *current != member;
        *current = member;
        changed
    });
}

fn checked_member(wire: &v1::Member) -> Result<Member, Status> {
    let invalid = |text: &str| status::to_status(ErrorKind::Invalid, text, &status::Details::default());
    let member = convert::member_from_wire(wire)?;
    if member.role != MemberRole::Store {
        return Err(invalid("only stores join, the server itself is the coordinator"));
    }
    member_rules::checked(&member).map_err(|error| invalid(&error.to_string()))?;
    Ok(member)
}

/// The answers to one stream: everything, whenever anything changes, and as a heartbeat.
struct Answers {
    registry: Arc<Embedded>,
    heads: watch::Receiver<Heads>,
    members: watch::Receiver<Vec<Member>>,
    heartbeat: tokio::time::Interval,
    ended: CancellationToken,
}

impl Answers {
    fn new(registry: &Arc<Embedded>, ended: CancellationToken) -> Self {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (heads, members) = (registry.heads(), registry.members());
        Self { registry: Arc::clone(registry), heads, members, heartbeat, ended }
    }

    fn into_stream(self) -> BoxStream<'static, Result<v1::JoinResponse, Status>> {
        unfold(self, |mut answers| async move { answers.next().await.map(|answer| (Ok(answer), answers)) }).boxed()
    }

    /// Waits for a reason to speak. The first heartbeat is due at once.
    async fn next(&mut self) -> Option<v1::JoinResponse> {
        tokio::select! {
            () = self.ended.cancelled() => return None,
            _ = self.heads.changed() => {}
            _ = self.members.changed() => {}
            _ = self.heartbeat.tick() => {}
        }
        self.heartbeat.reset();
        Some(self.answer())
    }

    fn answer(&mut self) -> v1::JoinResponse {
        let heads = self.heads.borrow_and_update().clone();
        let members = self.members.borrow_and_update().clone();
        let corrections = |record: HeadRecord| record.corrections;
        v1::JoinResponse {
            corrections: heads.keys().map(|ns| self.registry.record(ns).map_or(0, corrections)).collect(),
            heads: convert::heads_to_wire(&heads),
            members: members.iter().map(convert::member_to_wire).collect(),
        }
    }
}
