//! The registry of a store that runs without ZooKeeper: follows the server's embedded one over gRPC.

use crate::{
    Announcement, Connection, HeadRegistry, Heads, Registration, RegistrationState, RegistryError, announcement,
    connection::ConnectionCell,
    embedded_service::{HEARTBEAT, LEASE},
    head_book::HeadBook,
    head_record::HeadRecord,
    member_rules::checked,
    registrations::{Place, Registrations},
};
use async_trait::async_trait;
use configbus_model::{ErrorKind, Head, Member, Namespace};
use configbus_proto::{
    AuthorisedChannel, Bearer,
    convert::{self, WireError},
    status,
    v1::{self, coordination_client::CoordinationClient},
};
use configbus_runtime::{Backoff, Clock, Tasks, report};
use configbus_transport::{ClientTls, channel};
use futures_util::stream::{Stream, unfold};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

const KIND: &str = "embedded-client";

/// How long changes of the own member wait to be sent together; heads move much more often than others need to know.
pub(crate) const MEMBER_UPDATE_INTERVAL: Duration = Duration::from_millis(500);

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a stream is over.
#[derive(Debug, thiserror::Error)]
enum JoinError {
    #[error("failed to join at {url}")]
    Call { url: String, source: Box<tonic::Status> },
    #[error("the server ended the stream")]
    Ended,
    #[error("the server has been silent for {} s", LEASE.as_secs())]
    Silent,
    #[error("the server said something malformed")]
    Malformed(#[from] WireError),
}

/// Follows an [`crate::Embedded`] registry in another process and registers one store with it. What may be announced are
/// heads of namespaces that the server does not serve itself.
pub struct EmbeddedClient {
    url: String,
    channel: AuthorisedChannel,
    clock: Arc<dyn Clock>,
    heads: HeadBook,
    members: watch::Sender<Vec<Member>>,
    registrations: Arc<Registrations>,
    connection: ConnectionCell,
}

impl EmbeddedClient {
    /// Prepares to follow the server at `url`; connects when started, over TLS when it is `https`. `Err` if `url` is not one.
    pub fn new(
        url: &str,
        tls: &ClientTls,
        bearer: &Bearer,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(url.to_owned())?.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        Ok(Arc::new(Self {
            url: url.to_owned(),
            channel: bearer.on(channel(&endpoint, tls), url),
            heads: HeadBook::default(),
            members: watch::Sender::default(),
            registrations: Arc::default(),
            connection: ConnectionCell::disconnected(KIND, clock.as_ref()),
            clock,
        }))
    }

    /// Joins again and again, with growing pauses while the server does not answer.
    async fn run(&self, shutdown: &CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let error = tokio::select! {
                () = shutdown.cancelled() => return,
                error = self.join(&mut backoff) => error,
            };
            self.connection.down(self.clock.as_ref(), report::chain(&error));
            self.registrations.report_all_pending();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Follows one stream until it is over.
    async fn join(&self, backoff: &mut Backoff) -> JoinError {
        let mut client =
            CoordinationClient::new(self.channel.clone()).max_decoding_message_size(configbus_proto::MESSAGE_BYTES_MAX);
        let call = tokio::time::timeout(LEASE, client.join(self.requests()));
        let mut answers = match call.await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return self.call_error(status),
            Err(_) => return JoinError::Silent,
        };
        loop {
            match tokio::time::timeout(LEASE, answers.message()).await {
                Ok(Ok(Some(answer))) => match self.take(&answer) {
                    Ok(()) => backoff.reset(),
                    Err(error) => return error.into(),
                },
                Ok(Ok(None)) => return JoinError::Ended,
                Ok(Err(status)) => return self.call_error(status),
                Err(_) => return JoinError::Silent,
            }
        }
    }

    fn call_error(&self, status: tonic::Status) -> JoinError {
        JoinError::Call { url: self.url.clone(), source: Box::new(status) }
    }

    fn take(&self, answer: &v1::JoinResponse) -> Result<(), WireError> {
        for (index, wire) in answer.heads.iter().enumerate() {
            let (namespace, head) = convert::head_from_wire(wire)?;
            let corrections = answer.corrections.get(index).copied().unwrap_or(0);
            self.heads.observe(&namespace, HeadRecord { head, corrections });
        }
        let members = answer.members.iter().map(convert::member_from_wire).collect::<Result<Vec<_>, _>>()?;
        self.report_listed(&members);
        self.members.send_if_modified(|published| {
            let changed = *published != members;
            *published = members;
            changed
        });
        self.connection.up();
        Ok(())
    }

    fn report_listed(&self, members: &[Member]) {
        for wish in self.registrations.wishes() {
            let same_id = members.iter().find(|member| member.id == wish.member.id && member.role == wish.member.role);
            let state = match same_id {
                Some(member) if member.incarnation == wish.member.incarnation => RegistrationState::Held,
                Some(younger) => RegistrationState::Refused { by: younger.node_name() },
                None => RegistrationState::Pending,
            };
            self.registrations.report(wish.key, state);
        }
    }

    /// The requests of one stream: the member when it changes, but not too often, and as a heartbeat.
    fn requests(&self) -> impl Stream<Item = v1::JoinRequest> + Send + 'static {
        let registrations = Arc::clone(&self.registrations);
        let seen = registrations.subscribe();
        unfold((registrations, seen, None::<Instant>), |(registrations, mut seen, said_at)| async move {
            if let Some(said_at) = said_at {
                let _ = tokio::time::timeout(HEARTBEAT, registrations.changed(&seen)).await;
                tokio::time::sleep_until(said_at + MEMBER_UPDATE_INTERVAL).await;
            }
            let wishes = registrations.snapshot(&mut seen);
            let member = wishes.first().map(|wish| convert::member_to_wire(&wish.member));
            Some((v1::JoinRequest { member }, (registrations, seen, Some(Instant::now()))))
        })
    }

    fn refusal(&self, status: &tonic::Status) -> RegistryError {
        match status::kind_of(status) {
            ErrorKind::Unavailable => {
                RegistryError::Disconnected { registry: KIND, reason: format!("{} does not answer", self.url) }
            }
            kind => RegistryError::Refused { url: self.url.clone(), kind, reason: status.message().to_owned() },
        }
    }

    fn unsupported<T>(operation: &'static str) -> Result<T, RegistryError> {
        Err(RegistryError::Unsupported { registry: KIND, operation })
    }
}

#[async_trait]
impl HeadRegistry for EmbeddedClient {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn start(self: Arc<Self>, tasks: &Tasks) {
        let shutdown = tasks.shutdown_token();
        tasks.spawn("embedded-client", async move {
            self.run(&shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn announce(&self, namespace: &Namespace, head: &Head) -> Result<Announcement, RegistryError> {
        let head = Some(convert::head_to_wire(namespace, head));
        let mut client = CoordinationClient::new(self.channel.clone());
        let answer = tokio::time::timeout(LEASE, client.announce(v1::AnnounceRequest { head })).await;
        let timeout_ms = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        let answer = answer.map_err(|_| RegistryError::Timeout { registry: KIND, timeout_ms })?;
        let answer = answer.map_err(|status| self.refusal(&status))?.into_inner();
        let malformed = |error: WireError| RegistryError::Disconnected { registry: KIND, reason: error.to_string() };
        announcement::from_wire(&answer).map_err(malformed)
    }

    async fn correct(&self, _: &Namespace, _: &Head) -> Result<Announcement, RegistryError> {
        Self::unsupported("correct a head")
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    async fn register(&self, member: watch::Receiver<Member>) -> Result<Registration, RegistryError> {
        if !self.registrations.is_empty() {
            return Self::unsupported("register more than one member over one connection");
        }
        checked(&member.borrow())?;
        Ok(self.registrations.add(Place::Store, member))
    }

    async fn claim(&self, _: &Namespace, _: watch::Receiver<Member>) -> Result<Registration, RegistryError> {
        Self::unsupported("claim a namespace")
    }

    fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.subscribe()
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }
}
