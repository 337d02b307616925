//! Points in history, undo and line origins on the wire.

use super::config::commit_to_wire;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::blame::{self, BlameRequest};
use crate::ops::revert::{self, RevertRequest, What};
use crate::requests::RequestId;
use configbus_gitstore::LogEntry;
use configbus_model::{At, Revision};
use configbus_proto::convert::{head_to_wire, namespace_from_wire};
use configbus_proto::v1;
use configbus_proto::v1::revert_request::What as WireWhat;
use tonic::Status;

/// Reads a point that may be given as a bare revision as well, of which zero means the head.
pub(super) fn point(at: Option<&v1::At>, revision: u64) -> Result<Option<At>, Failure> {
    let at = at.map(point_from_wire).transpose()?.flatten();
    match (at, Revision(revision)) {
        (at, Revision::ZERO) => Ok(at),
        (None, revision) => Ok(Some(At::Revision(revision))),
        (Some(_), _) => Err(Failure::invalid("a revision and another point in history are given: one is enough")),
    }
}

fn point_from_wire(at: &v1::At) -> Result<Option<At>, Failure> {
    use v1::at::At as WireAt;
    Ok(match &at.at {
        None | Some(WireAt::Revision(0)) => None,
        Some(WireAt::Revision(revision)) => Some(At::Revision(Revision(*revision))),
        Some(WireAt::TimeMs(ms)) => Some(At::Time(*ms)),
        Some(WireAt::Commit(digits)) => Some(At::Commit(digits.parse().map_err(Failure::invalid)?)),
    })
}

pub(super) async fn revert(
    bus: &Bus,
    caller: &Caller,
    request: v1::RevertRequest,
    traceparent: Option<String>,
) -> Result<v1::RevertResponse, Status> {
    let namespace = namespace_from_wire(&request.namespace)?;
    let missing = || Failure::invalid("what is missing: undo names a landing, restore a point to go back to");
    let named = |at: &v1::At| point_from_wire(at)?.ok_or_else(missing);
    let what = match request.what.as_ref().ok_or_else(missing)? {
        WireWhat::Undo(at) => What::Undo(named(at)?),
        WireWhat::Restore(at) => What::Restore(named(at)?),
    };
    let request = RevertRequest {
        namespace,
        what,
        paths: request.paths,
        message: request.message,
        validate_only: request.validate_only,
        traceparent: Some(request.traceparent).filter(|given| !given.is_empty()).or(traceparent),
        request_id: RequestId::parse(&request.request_id).map_err(Failure::invalid)?,
    };
    let reverted = revert::revert(bus, caller, request).await?;
    let namespace = &reverted.namespace;
    Ok(v1::RevertResponse {
        head: Some(head_to_wire(namespace, &reverted.head)),
        committed: reverted.committed,
        resulting_revision: reverted.resulting_revision.0,
        repeated: reverted.repeated,
        changes: reverted.changes.iter().map(Into::into).collect(),
        restored: reverted.restored.as_ref().map(|head| head_to_wire(namespace, head)),
    })
}

pub(super) async fn blame(bus: &Bus, caller: &Caller, request: v1::BlameRequest) -> Result<v1::BlameResponse, Status> {
    let (path, at) = (bus.path(&request.path)?, point(request.at.as_ref(), 0)?);
    let v1::BlameRequest { first_line, line_count, .. } = request;
    let found = blame::blame(bus, caller, BlameRequest { path, at, first_line, line_count }).await?;
    let namespace = found.namespace;
    let span = |span: &blame::Span| v1::BlameSpan {
        first_line: span.first_line,
        line_count: span.line_count,
        commit: u32::try_from(span.origin).unwrap_or(u32::MAX),
    };
    let commit = |origin: &LogEntry| {
        let subject = origin.commit.subject().to_owned();
        v1::Commit { message: subject, ..commit_to_wire(&namespace, origin) }
    };
    Ok(v1::BlameResponse {
        entry: Some((&found.entry).into()),
        head: Some(head_to_wire(&namespace, &found.head)),
        lines_total: found.lines_total,
        content: found.content,
        spans: found.spans.iter().map(span).collect(),
        commits: found.origins.iter().map(commit).collect(),
    })
}
