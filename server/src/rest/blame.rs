//! `GET /v1/blame/{path}`: who wrote which line.

use super::params::Params;
use super::point;
use super::shapes::{CommitShape, EntryShape, HeadShape};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::blame::{self, BlameRequest};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlameQuery {
    revision: Option<String>,
    #[serde(default)]
    first_line: u32,
    #[serde(default)]
    line_count: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct BlameShape {
    entry: EntryShape,
    head: HeadShape,
    lines_total: u32,
    content: String,
    spans: Vec<SpanShape>,
    /// The commits that wrote the lines, under the revision that brought them.
    commits: Vec<CommitShape>,
}

#[derive(Debug, Serialize)]
struct SpanShape {
    first_line: u32,
    line_count: u32,
    /// Index into `commits`.
    commit: usize,
}

pub(super) async fn lines(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(path): Path<String>,
    Params(query): Params<BlameQuery>,
) -> Result<Json<BlameShape>, Failure> {
    let path = bus.path(&path)?;
    let at = point(&bus, query.revision.as_deref())?;
    let BlameQuery { first_line, line_count, .. } = query;
    let found = blame::blame(&bus, &caller, BlameRequest { path, at, first_line, line_count }).await?;
    let namespace = found.namespace;
    let span = |span: &blame::Span| SpanShape {
        first_line: span.first_line,
        line_count: span.line_count,
        commit: span.origin,
    };
    Ok(Json(BlameShape {
        entry: (&found.entry).into(),
        head: HeadShape::new(&namespace, &found.head),
        lines_total: found.lines_total,
        content: String::from_utf8_lossy(&found.content).into_owned(),
        spans: found.spans.iter().map(span).collect(),
        commits: found.origins.iter().map(|origin| CommitShape::subject_of(&namespace, origin)).collect(),
    }))
}
