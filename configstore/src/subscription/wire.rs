//! Messages of a subscription, from and to the wire. An agent is not trusted to stay within reason.

use crate::{
    hosts::{Acknowledgement, HostIdentity},
    subscription::machine::Answer,
};
use bytes::Bytes;
use configbus_model::{ErrorKind, Head, MOUNTS_MAX, Namespace};
use configbus_proto::{
    PROTOCOL_VERSION,
    convert::{WireError, head_from_wire, head_to_wire, heads_from_wire, namespace_from_wire, tree_from_wire},
    status, v1,
};
use std::collections::{BTreeMap, BTreeSet};
use tonic::Status;

/// Longest host name, incarnation or version: that of a DNS name.
const NAME_BYTES_MAX: usize = 253;

/// Most labels of a host.
const LABELS_MAX: usize = 64;

/// Longest key and longest value of a label.
const LABEL_BYTES_MAX: usize = 256;

/// What an agent says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    pub(crate) identity: HostIdentity,
    pub(crate) holding: BTreeMap<Namespace, Head>,
    /// Besides `main`.
    pub(crate) wanted: BTreeSet<Namespace>,
}

/// Reads a greeting.
pub(crate) fn hello_from_wire(hello: v1::Hello) -> Result<Hello, Status> {
    if hello.protocol_version != PROTOCOL_VERSION {
        let text = format!(
            "protocol version {} is not spoken here, expected {PROTOCOL_VERSION}: upgrade the older side",
            hello.protocol_version
        );
        return Err(status::to_status(ErrorKind::Unsupported, text, &status::Details::default()));
    }
    check_name("hello.host", &hello.host, 1)?;
    check_name("hello.incarnation", &hello.incarnation, 1)?;
    check_name("hello.version", &hello.version, 0)?;
    let long = |text: &String| text.len() > LABEL_BYTES_MAX;
    if hello.labels.len() > LABELS_MAX || hello.labels.iter().any(|(key, value)| long(key) || long(value)) {
        let reason = format!("at most {LABELS_MAX} labels of at most {LABEL_BYTES_MAX} bytes each are accepted");
        return Err(WireError::new("hello.labels", reason).into());
    }
    let holding = heads_from_wire(&hello.holding)?;
    let wanted = wanted_from_wire("hello.namespaces", &hello.namespaces)?;
    let labels = hello.labels.into_iter().collect();
    let (host, incarnation, version) = (hello.host, hello.incarnation, hello.version);
    Ok(Hello { identity: HostIdentity { host, incarnation, labels, version }, holding, wanted })
}

/// Reads which namespaces are wanted.
pub(crate) fn wanted_from_wire(field: &'static str, names: &[String]) -> Result<BTreeSet<Namespace>, WireError> {
    if names.len() > MOUNTS_MAX {
        return Err(WireError::new(field, format!("at most {MOUNTS_MAX} namespaces are mounted")));
    }
    names.iter().map(|name| namespace_from_wire(name)).collect()
}

fn check_name(field: &'static str, name: &str, bytes_min: usize) -> Result<(), WireError> {
    let fits = (bytes_min..=NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let reason = format!("it has {} bytes, expected {bytes_min} to {NAME_BYTES_MAX} printable ones", name.len());
    Err(WireError::new(field, reason))
}

/// Reads an answer to an update.
pub(crate) fn acknowledgement_from_wire(message: v1::Acknowledgement) -> Result<Acknowledgement, WireError> {
    use v1::acknowledgement::State;
    let answer = match message.state() {
        State::Observed => Answer::Observed,
        State::Applied => Answer::Applied,
        State::Refused => Answer::Refused,
        State::Unspecified => return Err(WireError::new("acknowledgement.state", "it is missing or unknown")),
    };
    let head = message.head.as_ref().ok_or_else(|| WireError::new("acknowledgement.head", "it is missing"))?;
    let (namespace, head) = head_from_wire(head)?;
    let effective_tree = tree_from_wire(&message.effective_tree)?;
    Ok(Acknowledgement { namespace, head, answer, effective_tree, reason: message.reason })
}

/// What stays the same over the parts of one update.
#[derive(Debug, Clone)]
pub(crate) struct UpdateHeader {
    pub(crate) namespace: Namespace,
    pub(crate) from: Option<Head>,
    pub(crate) to: Head,
    pub(crate) parts: u32,
    pub(crate) total_bytes: u64,
}

impl UpdateHeader {
    /// Wraps one part.
    pub(crate) fn part(&self, part: u32, objects: Bytes) -> v1::SubscribeResponse {
        let update = v1::Update {
            to: Some(head_to_wire(&self.namespace, &self.to)),
            from: self.from.as_ref().map(|from| head_to_wire(&self.namespace, from)),
            objects,
            part,
            last: part + 1 == self.parts,
            total_bytes: self.total_bytes,
        };
        v1::SubscribeResponse { message: Some(v1::subscribe_response::Message::Update(update)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> v1::Hello {
        let (host, incarnation) = ("host-1".into(), "7f".into());
        v1::Hello { protocol_version: PROTOCOL_VERSION, host, incarnation, ..v1::Hello::default() }
    }

    fn check_refused(hello: v1::Hello, expected: &str) {
        let status = hello_from_wire(hello).unwrap_err();
        assert!(status.message().contains(expected), "{status}");
    }

    #[test]
    fn a_greeting_out_of_bounds_is_refused_by_its_field() {
        assert_eq!(hello_from_wire(hello()).unwrap().identity.host, "host-1");
        check_refused(v1::Hello { protocol_version: 9, ..hello() }, "protocol version 9");
        check_refused(v1::Hello { host: String::new(), ..hello() }, "hello.host");
        check_refused(v1::Hello { host: "a\nb".into(), ..hello() }, "hello.host");
        check_refused(v1::Hello { incarnation: "x".repeat(254), ..hello() }, "hello.incarnation");
        let labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
        check_refused(v1::Hello { labels, ..hello() }, "hello.labels");
        check_refused(v1::Hello { namespaces: vec!["a".into(); 1_001], ..hello() }, "hello.namespaces");
        check_refused(v1::Hello { holding: vec![v1::Head::default()], ..hello() }, "head.commit");
    }

    #[test]
    fn an_answer_without_head_or_state_is_refused() {
        assert!(acknowledgement_from_wire(v1::Acknowledgement::default()).is_err());
        let state = v1::acknowledgement::State::Applied.into();
        let error = acknowledgement_from_wire(v1::Acknowledgement { state, ..Default::default() }).unwrap_err();
        assert_eq!(error.to_string(), "field acknowledgement.head is wrong: it is missing");
    }
}
