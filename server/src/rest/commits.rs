//! `POST /v1/commits`: several edits, all or nothing.

use super::body;
use super::request_id;
use super::shapes::{EntryShape, HeadShape, file_mode};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{Edit, Expected, Mounting, Wanted};
use crate::failure::Failure;
use crate::ops::write::{self, WriteRequest};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use configbus_model::{ConfigPath, EntryMode, Revision};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitRequest {
    edits: Vec<EditShape>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    validate_only: bool,
    /// The same as the header `Idempotency-Key`.
    #[serde(default)]
    request_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EditShape {
    path: String,
    /// A blob id, `absent`, `present`, `any`, `{"unchanged_since": 42}` or `{"tree_unchanged_since": 42}`.
    expected: ExpectedShape,
    /// Text; `content_base64` for anything else, `delete` for nothing.
    content: Option<String>,
    content_base64: Option<String>,
    #[serde(default)]
    delete: bool,
    mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ExpectedShape {
    Word(String),
    Since { unchanged_since: RevisionShape },
    TreeSince { tree_unchanged_since: RevisionShape },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RevisionShape {
    Number(u64),
    Text(String),
}

#[derive(Debug, Serialize)]
struct CommitShape {
    committed: bool,
    /// The revision that holds the edits; with `validate_only` the one that would.
    resulting_revision: u64,
    /// Whether an earlier request with the same id was answered so.
    repeated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<HeadShape>,
    /// In the order of the edits; null for deleted files.
    entries: Vec<Option<EntryShape>>,
}

pub(super) async fn create(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let request: CommitRequest = body::read_json(&headers, body, bus.limits.body_bytes_max).await?;
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let edits = request.edits.into_iter().map(|shape| {
        let path = bus.path(&shape.path)?;
        edit_at(path, shape)
    });
    let edits = edits.collect::<Result<Vec<_>, _>>();
    let request = WriteRequest {
        edits: edits.map_err(Failure::into_response)?,
        message: request.message,
        validate_only: request.validate_only,
        traceparent,
        request_id: request_id::read(&headers, &request.request_id).map_err(Failure::into_response)?,
        mounting: Mounting::Leaves,
    };
    let written = write::compare_and_set(&bus, &caller, request).await.map_err(Failure::into_response)?;
    let status = if written.committed { StatusCode::CREATED } else { StatusCode::OK };
    let shape = CommitShape {
        committed: written.committed,
        resulting_revision: written.resulting_revision.0,
        repeated: written.repeated,
        head: written.head.as_ref().map(|head| HeadShape::new(&written.namespace, head)),
        entries: written.entries.iter().map(|entry| entry.as_ref().map(Into::into)).collect(),
    };
    Ok((status, Json(shape)).into_response())
}

fn edit_at(path: ConfigPath, shape: EditShape) -> Result<Edit, Failure> {
    let mode = shape.mode.as_deref().map(|name| mode_of(&path, name)).transpose()?;
    let wrong = || Failure::invalid(format!("edit of {path} needs one of content, content_base64 and delete"));
    let wanted = match (shape.content, shape.content_base64, shape.delete) {
        (Some(text), None, false) => Wanted::File { content: Bytes::from(text), mode },
        (None, Some(text), false) => Wanted::File { content: decoded(&path, &text)?, mode },
        (None, None, true) => Wanted::Deleted,
        _ => return Err(wrong()),
    };
    Ok(Edit { expected: expected(&path, shape.expected)?, path, wanted })
}

fn mode_of(path: &ConfigPath, name: &str) -> Result<EntryMode, Failure> {
    file_mode(name).ok_or_else(|| Failure::invalid(format!("mode of {path} is {name:?}, expected file or executable")))
}

fn decoded(path: &ConfigPath, text: &str) -> Result<Bytes, Failure> {
    let content = STANDARD.decode(text);
    content.map(Bytes::from).map_err(|error| Failure::invalid(format!("content of {path} is not base64: {error}")))
}

fn expected(path: &ConfigPath, shape: ExpectedShape) -> Result<Expected, Failure> {
    match shape {
        ExpectedShape::Word(word) => match word.as_str() {
            "absent" => Ok(Expected::Absent),
            "present" => Ok(Expected::Present),
            "any" => Ok(Expected::Any),
            id => id.parse().map(Expected::Blob).map_err(|_| wrong_expectation(path, id)),
        },
        ExpectedShape::Since { unchanged_since } => unchanged_since.read(path).map(Expected::UnchangedSince),
        ExpectedShape::TreeSince { tree_unchanged_since } => {
            tree_unchanged_since.read(path).map(Expected::TreeUnchangedSince)
        }
    }
}

impl RevisionShape {
    fn read(&self, path: &ConfigPath) -> Result<Revision, Failure> {
        match self {
            Self::Number(number) => Ok(Revision(*number)),
            Self::Text(text) => text.parse().map_err(|_| wrong_expectation(path, text)),
        }
    }
}

fn wrong_expectation(path: &ConfigPath, given: &str) -> Failure {
    let words = "expected a blob id, \"absent\", \"present\", \"any\", {\"unchanged_since\": REVISION} or \
                 {\"tree_unchanged_since\": REVISION}";
    Failure::invalid(format!("expectation of {path} is {given:?}, {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(json: &str) -> Result<Edit, Failure> {
        let shape: EditShape = serde_json::from_str(json).map_err(Failure::invalid)?;
        edit_at(ConfigPath::parse(&shape.path).map_err(Failure::invalid)?, shape)
    }

    #[test]
    fn every_expectation_can_be_written() {
        let id = "ce013625030ba8dba906f756967f9e9ca394464a";
        for (expected, meant) in [
            (format!("{id:?}"), Expected::Blob(id.parse().unwrap())),
            ("\"absent\"".into(), Expected::Absent),
            ("\"present\"".into(), Expected::Present),
            ("\"any\"".into(), Expected::Any),
            ("{\"tree_unchanged_since\": 42}".into(), Expected::TreeUnchangedSince(Revision(42))),
            ("{\"unchanged_since\": 42}".into(), Expected::UnchangedSince(Revision(42))),
            ("{\"unchanged_since\": \"r42\"}".into(), Expected::UnchangedSince(Revision(42))),
        ] {
            let json = format!(r#"{{"path": "a", "expected": {expected}, "content": "x"}}"#);
            assert_eq!(edit(&json).unwrap().expected, meant);
        }
    }

    #[test]
    fn content_comes_as_text_or_as_base64_or_not_at_all() {
        let wanted =
            |rest: &str| edit(&format!(r#"{{"path": "a", "expected": "any", {rest}}}"#)).map(|edit| edit.wanted);
        let file = |content: &'static [u8], mode| Wanted::File { content: Bytes::from_static(content), mode };
        assert_eq!(wanted(r#""content": "ü""#).unwrap(), file("ü".as_bytes(), None));
        let executable = Some(EntryMode::Executable);
        assert_eq!(wanted(r#""content_base64": "/w==", "mode": "executable""#).unwrap(), file(b"\xff", executable));
        assert_eq!(wanted(r#""delete": true"#).unwrap(), Wanted::Deleted);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for json in [
            r#"{"path": "a", "content": "x"}"#,
            r#"{"path": "a", "expected": "any"}"#,
            r#"{"path": "a", "expected": "any", "content": "x", "delete": true}"#,
            r#"{"path": "../a", "expected": "any", "content": "x"}"#,
            r#"{"path": "a", "expected": "latest", "content": "x"}"#,
            r#"{"path": "a", "expected": "any", "content": "x", "mode": "directory"}"#,
            r#"{"path": "a", "expected": "any", "content_base64": "?"}"#,
            r#"{"path": "a", "expected": "any", "content": "x", "force": true}"#,
        ] {
            assert!(edit(json).is_err(), "{json}");
        }
    }
}
