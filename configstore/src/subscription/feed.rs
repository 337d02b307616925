//! What all subscriptions are fed from.

use super::{machine::Send, wire::UpdateHeader};
use crate::{delta::DeltaError, hosts::Roster, mirrors::Mirrors, upstream::Word};
use configbus_coordination::Heads;
use configbus_model::{ErrorKind, Namespace, Roles};
use configbus_proto::{status, v1};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// Longest time one message may wait for its subscriber to take it.
const SEND_MAX: Duration = Duration::from_secs(60);

/// Messages on their way to one subscriber.
pub(crate) type Outbound = mpsc::Sender<Result<v1::SubscribeResponse, Status>>;

/// Shared by all subscriptions.
pub(crate) struct Feed {
    /// The store's own heads.
    pub(crate) heads: watch::Receiver<Heads>,
    /// The newest heartbeat.
    pub(crate) pulse: watch::Receiver<v1::Heartbeat>,
    /// What the server says there is.
    pub(crate) word: watch::Receiver<Word>,
    pub(crate) mirrors: Arc<Mirrors>,
    pub(crate) roster: Arc<Roster>,
}

impl Feed {
    /// Computes an update, or takes the one that was computed for others, and sends it in parts.
    pub(super) async fn deliver(self: Arc<Self>, send: Send, outbound: Outbound) -> Result<(), Status> {
        let Send { namespace, from, to } = send;
        let gone = || ended(ErrorKind::Unavailable, "a namespace has just gone: subscribe again");
        let mirror = self.mirrors.get(&namespace).ok_or_else(gone)?;
        let from = mirror.base(from).await;
        let delta = mirror.delta(from.as_ref(), &to).await.map_err(|error| failed(&error))?;
        let parts = delta.parts.count();
        let total_bytes = delta.total_bytes;
        let header = UpdateHeader { namespace, from, to, parts: wire_count(parts), total_bytes };
        for index in 0..parts {
            let objects = mirror.part(&delta, index).await.map_err(|error| failed(&error))?;
            metrics::counter!("configbus_store_sent_bytes_total").increment(objects.len() as u64);
            offer(&outbound, header.part(wire_count(index), objects)).await?;
        }
        Ok(())
    }

    /// Returns of which wanted namespaces nothing will be sent.
    pub(super) fn scope(&self, wanted: &BTreeSet<Namespace>, roles: Option<&Roles>) -> v1::Scope {
        let (heads, word) = (self.heads.borrow(), self.word.borrow());
        let is_denied = |namespace: &Namespace| roles.is_some_and(|roles| !roles.feeds(namespace));
        let is_empty = |namespace: &Namespace| {
            let unknown_to_server = word.heads.as_ref().is_some_and(|heads| !heads.contains_key(namespace));
            unknown_to_server && !heads.contains_key(namespace)
        };
        let names = |which: &dyn Fn(&Namespace) -> bool| {
            wanted.iter().filter(|namespace| which(namespace)).map(ToString::to_string).collect()
        };
        v1::Scope { denied: names(&is_denied), empty: names(&is_empty) }
    }

    /// Returns the newest heartbeat as a message.
    pub(super) fn heartbeat(&self) -> v1::SubscribeResponse {
        let heartbeat = self.pulse.borrow().clone();
        v1::SubscribeResponse { message: Some(v1::subscribe_response::Message::Heartbeat(heartbeat)) }
    }
}

/// Hands over a message when there is room for it. A subscriber that does not make room is let go: what it holds up is
/// memory of everybody.
async fn offer(outbound: &Outbound, message: v1::SubscribeResponse) -> Result<(), Status> {
    match tokio::time::timeout(SEND_MAX, outbound.send(Ok(message))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(ended(ErrorKind::Unavailable, "the subscriber has gone")),
        Err(_) => Err(ended(ErrorKind::Exhausted, "the subscriber takes its updates too slowly")),
    }
}

fn failed(error: &DeltaError) -> Status {
    ended(error.kind(), &configbus_runtime::report::chain(error))
}

/// Returns the status that ends a subscription.
pub(super) fn ended(kind: ErrorKind, reason: &str) -> Status {
    status::to_status(kind, reason, &status::Details::default())
}

fn wire_count(count: usize) -> u32 {
    u32::try_from(count).expect("an update of more than 2^32 parts does not fit a disk")
}
