//! Points in history on the wire.

use configbus_model::At;
use configbus_proto::v1;

pub(crate) fn to_wire(at: &At) -> v1::At {
    use v1::at::At as WireAt;
    let at = match at {
        At::Revision(revision) => WireAt::Revision(revision.0),
        At::Time(ms) => WireAt::TimeMs(*ms),
        At::Commit(commit) => WireAt::Commit(commit.as_str().to_owned()),
    };
    v1::At { at: Some(at) }
}

/// On the wire nothing stands for the head.
pub(crate) fn or_head(at: Option<&At>) -> Option<v1::At> {
    at.map(to_wire)
}

/// Splits a point for messages that name revisions by their number, where 0 stands for the head, and others beside it.
pub(crate) fn split(at: Option<&At>) -> (u64, Option<v1::At>) {
    match at {
        Some(At::Revision(revision)) => (revision.0, None),
        at => (0, or_head(at)),
    }
}
