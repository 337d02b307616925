//! One stream to one store.

use super::{
    Answer, Greeting,
    wire::{self, Identity, Received},
};
use configbus_model::{Head, Member, Namespace};
use configbus_proto::{
    AuthorisedChannel, Bearer, MESSAGE_BYTES_MAX,
    convert::{WireError, member_from_wire},
    v1::{self, distribution_client::DistributionClient},
};
use configbus_transport::{ClientTls, channel};
use std::{collections::BTreeSet, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Endpoint};

/// Longest time until a store answers a subscription, connecting included.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// Answers that wait for the transport: two for an update, the rest for reports of readers.
const OUTBOUND_MAX: usize = 64;

/// How often an idle connection is probed, and how long the answer may take: notices a peer whose machine is gone.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// A store cannot be heard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("{url:?} is not an address")]
    Address { url: String, source: tonic::transport::Error },
    #[error("no answer within {} ms", OPEN_MAX.as_millis())]
    NoAnswer,
    #[error("{}: {}", .0.code(), .0.message())]
    Refused(Box<Status>),
    #[error("the peer speaks something else")]
    Wire(#[from] WireError),
    #[error("the store ended the stream")]
    Ended,
    #[error("the store does not read its answers")]
    Deaf,
}

impl From<Status> for LinkError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

fn connect(url: &str, tls: &ClientTls, bearer: &Bearer) -> Result<DistributionClient<AuthorisedChannel>, LinkError> {
    let address = |source| LinkError::Address { url: url.to_owned(), source };
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(address)?
        .connect_timeout(OPEN_MAX)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PROBE_EVERY)
        .keep_alive_timeout(PROBE_EVERY);
    let channel = bearer.on(channel(&endpoint, tls), url);
    Ok(DistributionClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX))
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, LinkError> {
    Ok(timeout(OPEN_MAX, call).await.map_err(|_| LinkError::NoAnswer)??)
}

/// Asks a server for its members.
pub(crate) async fn discover(url: String, tls: ClientTls, bearer: Bearer) -> Result<Vec<Member>, LinkError> {
    let mut client = connect(&url, &tls, &bearer)?;
    let members = in_time(client.members(v1::MembersRequest {})).await?.into_inner().members;
    Ok(members.iter().map(member_from_wire).collect::<Result<_, _>>()?)
}

/// A subscription that stands.
#[derive(Debug)]
pub(super) struct Link {
    identity: Identity,
    outbound: mpsc::Sender<v1::SubscribeRequest>,
    inbound: Streaming<v1::SubscribeResponse>,
}

impl Link {
    /// Connects and says what is held.
    pub(super) async fn open(
        url: String,
        tls: ClientTls,
        identity: Identity,
        greeting: Greeting,
    ) -> Result<Self, LinkError> {
        let mut client = connect(&url, &tls, &identity.bearer)?;
        let (outbound, requests) = mpsc::channel(OUTBOUND_MAX);
        outbound.try_send(wire::hello(&identity, &greeting)).expect("the channel is new and has room");
        let inbound = in_time(client.subscribe(ReceiverStream::new(requests))).await?.into_inner();
        Ok(Self { identity, outbound, inbound })
    }

    /// Says anew what is held.
    pub(super) fn greet(&self, greeting: &Greeting) -> Result<(), LinkError> {
        self.send(wire::hello(&self.identity, greeting))
    }

    /// Says what is wanted besides `main`.
    pub(super) fn want(&self, namespaces: &BTreeSet<Namespace>) -> Result<(), LinkError> {
        self.send(wire::want(namespaces))
    }

    /// Answers an update.
    pub(super) fn answer(&self, namespace: &Namespace, head: &Head, answer: &Answer) -> Result<(), LinkError> {
        self.send(wire::answer(namespace, head, answer))
    }

    fn send(&self, message: v1::SubscribeRequest) -> Result<(), LinkError> {
        self.outbound.try_send(message).map_err(|_| LinkError::Deaf)
    }

    /// Returns the next message. Cancel-safe: a message that is arriving stays in the stream.
    pub(super) async fn next(&mut self) -> Result<Received, LinkError> {
        loop {
            let message = self.inbound.message().await?.ok_or(LinkError::Ended)?;
            if let Some(received) = wire::received(message)? {
                return Ok(received);
            }
        }
    }
}
