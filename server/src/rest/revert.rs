//! `POST /v1/revert`: undo in one new revision.

use super::history::namespace;
use super::shapes::{ChangeShape, HeadShape};
use super::{body, point, request_id};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::revert::{self, RevertRequest, What};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use configbus_model::At;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Largest body: some thousand paths.
const BODY_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevertShape {
    /// The one path space when missing or `main`.
    namespace: Option<String>,
    /// A landing: `r42`, `42`, a commit, or a time at which it was the head.
    undo: Option<PointShape>,
    /// A point to go back to.
    restore: Option<PointShape>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    validate_only: bool,
    #[serde(default)]
    request_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PointShape {
    Number(u64),
    Text(String),
}

#[derive(Debug, Serialize)]
struct RevertedShape {
    committed: bool,
    /// The revision that holds it; with `validate_only` the one that would.
    resulting_revision: u64,
    repeated: bool,
    head: HeadShape,
    /// The revision whose content comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<HeadShape>,
    changes: Vec<ChangeShape>,
}

pub(super) async fn create(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let shape: RevertShape = body::read_json(&headers, body, BODY_BYTES_MAX).await?;
    answer(&bus, &caller, &headers, shape).await.map_err(Failure::into_response)
}

async fn answer(bus: &Bus, caller: &Caller, headers: &HeaderMap, shape: RevertShape) -> Result<Response, Failure> {
    let request_id = request_id::read(headers, &shape.request_id)?;
    let request = RevertRequest {
        namespace: namespace(shape.namespace.as_deref())?,
        what: what(bus, &shape, request_id.is_some())?,
        paths: shape.paths,
        message: shape.message,
        validate_only: shape.validate_only,
        traceparent: headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned),
        request_id,
    };
    let reverted = revert::revert(bus, caller, request).await?;
    let status = if reverted.committed { StatusCode::CREATED } else { StatusCode::OK };
    let head = |head| HeadShape::new(&reverted.namespace, head);
    let shape = RevertedShape {
        committed: reverted.committed,
        resulting_revision: reverted.resulting_revision.0,
        repeated: reverted.repeated,
        head: head(&reverted.head),
        restored: reverted.restored.as_ref().map(head),
        changes: reverted.changes.iter().map(Into::into).collect(),
    };
    Ok((status, Json(shape)).into_response())
}

/// Reads what to undo. A request that may come again has to mean the same then.
fn what(bus: &Bus, shape: &RevertShape, may_come_again: bool) -> Result<What, Failure> {
    let read = |point_given: &PointShape| -> Result<At, Failure> {
        let text = match point_given {
            PointShape::Number(number) => number.to_string(),
            PointShape::Text(text) => text.clone(),
        };
        if may_come_again && At::is_relative(&text) {
            let text = format!(
                "{text:?} is another moment whenever it is read: with an Idempotency-Key name its date as well"
            );
            return Err(Failure::invalid(text));
        }
        point(bus, Some(&text))?.ok_or_else(|| Failure::invalid(format!("{text:?} is no point to go back to")))
    };
    match (&shape.undo, &shape.restore) {
        (Some(undo), None) => read(undo).map(What::Undo),
        (None, Some(restore)) => read(restore).map(What::Restore),
        _ => Err(Failure::invalid("the body needs one of undo (a landing) and restore (a point to go back to)")),
    }
}
