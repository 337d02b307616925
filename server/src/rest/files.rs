//! `/v1/files/{path}`: one file, read and written under its entity tag.

use super::params::Params;
use super::shapes::{EntryShape, file_mode};
use super::{NAMESPACE_HEADER, REVISION_HEADER, body, etag, point, request_id};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{Edit, Expected, Mounting, Wanted};
use crate::failure::Failure;
use crate::ops::read;
use crate::ops::write::{self, WriteRequest, Written};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use configbus_model::{ConfigPath, EntryMode, ErrorKind, Head, Namespace};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadQuery {
    revision: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteQuery {
    message: Option<String>,
    mode: Option<String>,
}

/// What a write answers.
#[derive(Debug, Serialize)]
struct WrittenShape {
    revision: u64,
    committed: bool,
    /// Whether an earlier request with the same `Idempotency-Key` was answered so.
    repeated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryShape>,
}

pub(super) async fn read(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(path): Path<String>,
    Params(query): Params<ReadQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let path = parse(&bus, &path)?;
    let file = read::get(&bus, &caller, path, point(&bus, query.revision.as_deref())?).await?;
    if etag::is_held(&headers, file.entry.id) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        label(&mut response, &file.namespace, &file.head, Some(etag::of(file.entry.id)));
        return Ok(response);
    }
    let content_type = content_type(&file.entry.path, &file.content);
    let mut response = ([(header::CONTENT_TYPE, content_type)], file.content).into_response();
    label(&mut response, &file.namespace, &file.head, Some(etag::of(file.entry.id)));
    if file.entry.mode == EntryMode::Executable {
        response.headers_mut().insert("configbus-mode", HeaderValue::from_static("executable"));
    }
    // What a repository holds must not run as a page of this origin, whatever it is.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    Ok(response)
}

pub(super) async fn write(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(path): Path<String>,
    Params(query): Params<WriteQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let path = parse(&bus, &path).map_err(Failure::into_response)?;
    let expected = etag::expectation(&headers).map_err(Failure::into_response)?;
    let mode = query.mode.as_deref().map(checked_mode).transpose().map_err(Failure::into_response)?;
    let content = body::read(&headers, body, bus.limits.body_bytes_max).await?;
    let edit = Edit { path, expected, wanted: Wanted::File { content, mode } };
    let written = land(&bus, &caller, edit, query.message, &headers).await.map_err(Failure::into_response)?;
    let status = if written.created == [true] { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, written))
}

pub(super) async fn delete(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(path): Path<String>,
    Params(query): Params<WriteQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let edit = Edit { path: parse(&bus, &path)?, expected: etag::expectation(&headers)?, wanted: Wanted::Deleted };
    if query.mode.is_some() {
        return Err(Failure::invalid("a deletion takes no mode"));
    }
    if edit.expected == Expected::Absent {
        return Err(Failure::invalid("a deletion of what is not there changes nothing: If-None-Match does not fit"));
    }
    Ok(answer(StatusCode::OK, land(&bus, &caller, edit, query.message, &headers).await?))
}

async fn land(
    bus: &Bus,
    caller: &Caller,
    edit: Edit,
    message: Option<String>,
    headers: &HeaderMap,
) -> Result<Written, Failure> {
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let message = message.unwrap_or_default();
    let request_id = request_id::read(headers, "")?;
    let mounting = Mounting::Leaves;
    let request = WriteRequest { edits: vec![edit], message, validate_only: false, traceparent, request_id, mounting };
    write::compare_and_set(bus, caller, request).await
}

fn answer(status: StatusCode, written: Written) -> Response {
    let entry = written.entries.into_iter().next().flatten();
    let tag = entry.as_ref().map(|entry| etag::of(entry.id));
    let Some(head) = written.head else { return status.into_response() };
    let Written { namespace, committed, repeated, .. } = written;
    let shape = WrittenShape { revision: head.revision.0, committed, repeated, entry: entry.as_ref().map(Into::into) };
    let mut response = (status, Json(shape)).into_response();
    label(&mut response, &namespace, &head, tag);
    response
}

fn label(response: &mut Response, namespace: &Namespace, head: &Head, tag: Option<HeaderValue>) {
    let headers = response.headers_mut();
    let namespace = HeaderValue::from_str(namespace.as_str()).expect("a namespace is plain text");
    headers.insert(NAMESPACE_HEADER, namespace);
    let revision = HeaderValue::from_str(&head.revision.to_string()).expect("a revision is plain text");
    headers.insert(REVISION_HEADER, revision);
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
}

fn parse(bus: &Bus, path: &str) -> Result<ConfigPath, Failure> {
    bus.path(path).map_err(|failure| match path.ends_with('/') {
        true => Failure::new(ErrorKind::NotFound, format!("{path} is a directory: list it with /v1/list/{path}")),
        false => failure,
    })
}

fn checked_mode(name: &str) -> Result<EntryMode, Failure> {
    file_mode(name).ok_or_else(|| Failure::invalid(format!("mode={name}, expected file or executable")))
}

/// JSON is told apart because clients parse by it; everything else is text or bytes. Never a type that a browser runs.
fn content_type(path: &ConfigPath, content: &Bytes) -> &'static str {
    match path.extension() {
        Some("json") => "application/json",
        _ if std::str::from_utf8(content).is_ok() => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
