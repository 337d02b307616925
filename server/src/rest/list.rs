//! `/v1/list/{prefix}`.

use super::params::Params;
use super::shapes::{EntryShape, HeadShape};
use super::{is_on, point};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::listing::{self, ListRequest};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    revision: Option<String>,
    recursive: Option<String>,
    #[serde(default)]
    page_size: usize,
    #[serde(default)]
    page_token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ListShape {
    entries: Vec<EntryShape>,
    head: HeadShape,
    #[serde(skip_serializing_if = "String::is_empty")]
    next_page_token: String,
}

pub(super) async fn root(
    state: State<Arc<Bus>>,
    caller: Caller,
    query: Params<ListQuery>,
) -> Result<Json<ListShape>, Failure> {
    below(state, caller, Path(String::new()), query).await
}

pub(super) async fn below(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(prefix): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<ListShape>, Failure> {
    let request = ListRequest {
        prefix,
        at: point(&bus, query.revision.as_deref())?,
        recursive: is_on("recursive", query.recursive.as_deref())?,
        page_size: query.page_size,
        page_token: query.page_token,
    };
    let page = listing::list(&bus, &caller, request).await?;
    Ok(Json(ListShape {
        entries: page.entries.iter().map(Into::into).collect(),
        head: HeadShape::new(&page.namespace, &page.head),
        next_page_token: page.next_page_token,
    }))
}
