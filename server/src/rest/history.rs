//! `/v1/log` and `/v1/diff`.

use super::params::Params;
use super::shapes::{ChangeShape, CommitShape, HeadShape};
use super::{is_on, point};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::read::{self, DiffRequest, LogRequest};
use axum::Json;
use axum::extract::State;
use configbus_model::{ConfigPath, Namespace};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    namespace: Option<String>,
    #[serde(default)]
    path: String,
    from: Option<String>,
    since: Option<String>,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    page_token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct LogShape {
    commits: Vec<CommitShape>,
    head: HeadShape,
    #[serde(skip_serializing_if = "String::is_empty")]
    next_page_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffQuery {
    namespace: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    path: String,
    patch: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct DiffShape {
    changes: Vec<ChangeShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<HeadShape>,
    to: HeadShape,
    #[serde(skip_serializing_if = "String::is_empty")]
    patch: String,
}

pub(super) async fn log(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Params(query): Params<LogQuery>,
) -> Result<Json<LogShape>, Failure> {
    let namespace = namespace(query.namespace.as_deref())?;
    let path = read::checked_prefix(&query.path)?;
    let path = if path.is_empty() { None } else { Some(ConfigPath::parse(&path).map_err(Failure::invalid)?) };
    let request = LogRequest {
        namespace,
        path,
        from: point(&bus, query.from.as_deref())?,
        since: point(&bus, query.since.as_deref())?,
        limit: query.limit,
        page_token: query.page_token,
    };
    let read::History { namespace, entries, head, next_page_token } = read::log(&bus, &caller, request).await?;
    let commits = entries.iter().map(|entry| CommitShape::new(&namespace, entry)).collect();
    Ok(Json(LogShape { commits, head: HeadShape::new(&namespace, &head), next_page_token }))
}

pub(super) async fn diff(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Params(query): Params<DiffQuery>,
) -> Result<Json<DiffShape>, Failure> {
    let namespace = namespace(query.namespace.as_deref())?;
    let from = query.from.as_deref().ok_or_else(|| Failure::invalid("from is missing: name a revision, 0 is empty"))?;
    let request = DiffRequest {
        namespace,
        from: point(&bus, Some(from))?,
        to: point(&bus, query.to.as_deref())?,
        prefix: query.path,
        patch: is_on("patch", query.patch.as_deref())?,
    };
    let diff = read::diff(&bus, &caller, request).await?;
    let namespace = diff.namespace;
    Ok(Json(DiffShape {
        changes: diff.changes.iter().map(Into::into).collect(),
        from: diff.from.as_ref().map(|head| HeadShape::new(&namespace, head)),
        to: HeadShape::new(&namespace, &diff.to),
        patch: diff.patch,
    }))
}

/// Reads a namespace; nothing means `main`.
pub(super) fn namespace(name: Option<&str>) -> Result<Namespace, Failure> {
    match name {
        None | Some("") => Ok(Namespace::main()),
        Some(name) => Namespace::parse(name).map_err(Failure::invalid),
    }
}
