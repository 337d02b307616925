//! `/v1/namespaces`.

use super::body;
use super::shapes::HeadShape;
use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::ops::namespaces::{self, Described};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use configbus_model::Namespace;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Largest body: a name and a directory.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Serialize)]
pub(super) struct NamespaceShape {
    name: String,
    /// Directory in the one path space, empty for the root; absent when it is mounted nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<HeadShape>,
}

#[derive(Debug, Serialize)]
pub(super) struct NamespacesShape {
    namespaces: Vec<NamespaceShape>,
}

#[derive(Debug, Serialize)]
pub(super) struct DeletedShape {
    deleted: NamespaceShape,
    /// Where its repository is kept on the server.
    kept_at: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNamespace {
    name: String,
    /// The name when missing.
    #[serde(default)]
    mount: String,
}

impl From<&Described> for NamespaceShape {
    fn from(info: &Described) -> Self {
        let head = info.head.as_ref().map(|head| HeadShape::new(&info.name, head));
        Self { name: info.name.to_string(), mount: info.prefix.clone(), epoch: info.epoch.0, head }
    }
}

pub(super) async fn list(State(bus): State<Arc<Bus>>, caller: Caller) -> Json<NamespacesShape> {
    Json(NamespacesShape { namespaces: namespaces::list(&bus, &caller).iter().map(Into::into).collect() })
}

pub(super) async fn create(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let new: NewNamespace = body::read_json(&headers, body, BODY_BYTES_MAX).await?;
    let (info, created) =
        namespaces::create(&bus, &caller, &new.name, &new.mount).await.map_err(Failure::into_response)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(NamespaceShape::from(&info))).into_response())
}

pub(super) async fn delete(
    State(bus): State<Arc<Bus>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<DeletedShape>, Failure> {
    let name = Namespace::parse(&name).map_err(Failure::invalid)?;
    let (info, kept_at) = namespaces::delete(&bus, &caller, &name).await?;
    Ok(Json(DeletedShape { deleted: (&info).into(), kept_at: kept_at.display().to_string() }))
}
