//! Messages of a subscription, from and to the wire. A store is not trusted to stay within reason.

use super::{Answer, Beat, Greeting, UpdatePart};
use crate::delivery::Scope;
use configbus_model::{Head, Namespace};
use configbus_proto::{
    Bearer, PROTOCOL_VERSION,
    convert::{
        WireError, head_from_wire, head_to_wire, heads_from_wire, heads_to_wire, member_from_wire, namespace_from_wire,
    },
    v1::{self, acknowledgement::State, subscribe_request, subscribe_response},
};
use std::collections::{BTreeMap, BTreeSet};

/// Longest reason that is sent.
const REASON_CHARS_MAX: usize = 1_000;

/// Who this host is, as it tells stores.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) host: String,
    pub(crate) incarnation: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// What proves it.
    pub(crate) bearer: Bearer,
}

/// Says what is held and wanted.
pub(super) fn hello(identity: &Identity, greeting: &Greeting) -> v1::SubscribeRequest {
    let hello = v1::Hello {
        protocol_version: PROTOCOL_VERSION,
        host: identity.host.clone(),
        incarnation: identity.incarnation.clone(),
        labels: identity.labels.clone().into_iter().collect(),
        holding: heads_to_wire(&greeting.holding),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        namespaces: names(&greeting.wanted),
    };
    v1::SubscribeRequest { message: Some(subscribe_request::Message::Hello(hello)) }
}

fn names(namespaces: &BTreeSet<Namespace>) -> Vec<String> {
    namespaces.iter().map(ToString::to_string).collect()
}

/// Says what is wanted besides `main`.
pub(super) fn want(namespaces: &BTreeSet<Namespace>) -> v1::SubscribeRequest {
    let want = v1::Want { namespaces: names(namespaces) };
    v1::SubscribeRequest { message: Some(subscribe_request::Message::Want(want)) }
}

/// Answers an update.
pub(super) fn answer(namespace: &Namespace, head: &Head, answer: &Answer) -> v1::SubscribeRequest {
    let (state, effective_tree, reason) = match answer {
        Answer::Observed => (State::Observed, String::new(), String::new()),
        Answer::Applied(tree) => (State::Applied, tree.to_string(), String::new()),
        Answer::Refused(reason) => (State::Refused, String::new(), reason.chars().take(REASON_CHARS_MAX).collect()),
    };
    let head = Some(head_to_wire(namespace, head));
    let acknowledgement = v1::Acknowledgement { state: state.into(), head, effective_tree, reason };
    v1::SubscribeRequest { message: Some(subscribe_request::Message::Acknowledgement(acknowledgement)) }
}

/// What a store sends.
#[derive(Debug)]
pub(super) enum Received {
    Beat(Beat),
    Scope(Scope),
    Update(UpdatePart),
}

/// Reads a message; `None` for one of a newer release.
pub(super) fn received(message: v1::SubscribeResponse) -> Result<Option<Received>, WireError> {
    Ok(match message.message {
        Some(subscribe_response::Message::Update(update)) => Some(Received::Update(update_part(update)?)),
        Some(subscribe_response::Message::Heartbeat(heartbeat)) => Some(Received::Beat(beat(&heartbeat)?)),
        Some(subscribe_response::Message::Scope(scope)) => Some(Received::Scope(self::scope(&scope)?)),
        None => None,
    })
}

fn update_part(update: v1::Update) -> Result<UpdatePart, WireError> {
    let to = update.to.as_ref().ok_or_else(|| WireError::new("update.to", "it is missing"))?;
    let (namespace, to) = head_from_wire(to)?;
    let from = update.from.as_ref().map(head_from_wire).transpose()?;
    if from.as_ref().is_some_and(|(other, _)| *other != namespace) {
        return Err(WireError::new("update.from", "it is of another namespace than update.to"));
    }
    let v1::Update { part, last, total_bytes, objects, .. } = update;
    Ok(UpdatePart { namespace, to, from: from.map(|(_, head)| head), part, last, total_bytes, objects })
}

fn scope(scope: &v1::Scope) -> Result<Scope, WireError> {
    let namespaces = |names: &[String]| names.iter().map(|name| namespace_from_wire(name)).collect::<Result<_, _>>();
    Ok(Scope { denied: namespaces(&scope.denied)?, empty: namespaces(&scope.empty)? })
}

fn beat(heartbeat: &v1::Heartbeat) -> Result<Beat, WireError> {
    Ok(Beat {
        heads: heads_from_wire(&heartbeat.heads)?,
        upstream_heads: heads_from_wire(&heartbeat.upstream_heads)?,
        members: heartbeat.members.iter().map(member_from_wire).collect::<Result<_, _>>()?,
        upstream_connected: heartbeat.upstream_connected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::fixture::head;
    use configbus_model::TreeId;

    #[test]
    fn an_update_between_namespaces_is_refused() {
        let [main, other] =
            ["main", "other"].map(|name| Some(head_to_wire(&Namespace::parse(name).unwrap(), &head(1, TreeId::EMPTY))));
        assert!(update_part(v1::Update { to: main.clone(), from: other, ..v1::Update::default() }).is_err());
        assert!(update_part(v1::Update { to: main.clone(), from: main, ..v1::Update::default() }).is_ok());
        assert!(update_part(v1::Update::default()).is_err());
    }

    #[test]
    fn long_reasons_are_cut() {
        let message = answer(&Namespace::main(), &head(1, TreeId::EMPTY), &Answer::Refused("ü".repeat(5_000)));
        let Some(subscribe_request::Message::Acknowledgement(acknowledgement)) = message.message else { panic!() };
        assert_eq!(acknowledgement.reason.chars().count(), REASON_CHARS_MAX);
    }
}
