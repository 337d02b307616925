//! `/metrics`, `/healthz`, `/readyz`.

use crate::bus::Bus;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use configbus_runtime::{Readiness, telemetry};
use serde::Serialize;
use std::sync::Arc;

/// What readiness is made of.
#[derive(Clone)]
pub(crate) struct HealthState {
    pub(crate) bus: Arc<Bus>,
    pub(crate) readiness: Readiness,
}

#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    /// What is missing, one line each.
    pending: Vec<&'static str>,
    /// Not part of readiness: writes are taken while coordination is away.
    coordination_connected: bool,
    unannounced_heads: usize,
}

/// Returns the routes.
pub(crate) fn routes(state: HealthState) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state)
}

async fn ready(State(state): State<HealthState>) -> Response {
    let answer = Ready {
        ready: state.readiness.is_ready(),
        pending: state.readiness.pending(),
        coordination_connected: state.bus.registry.connection().borrow().is_connected(),
        unannounced_heads: state.bus.announcer.unannounced().borrow().len(),
    };
    let status = if answer.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(answer)).into_response()
}

async fn metrics(State(state): State<HealthState>) -> impl IntoResponse {
    gauge_state(&state.bus);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::render_metrics())
}

/// Values that are states rather than events are read when somebody asks.
fn gauge_state(bus: &Bus) {
    let heads = bus.heads();
    for (namespace, head) in &heads {
        let namespace = namespace.to_string();
        metrics::gauge!("configbus_server_revision", "namespace" => namespace).set(as_gauge(head.revision.0));
    }
    let tally = bus.fleet.tally(&heads);
    let behind = tally.connected - tally.current;
    for (state, hosts) in [
        ("current", tally.current),
        ("behind", behind),
        ("gone", tally.total - tally.connected),
        ("refusing", tally.refusing),
    ] {
        metrics::gauge!("configbus_server_hosts", "state" => state).set(as_gauge(hosts));
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_gauge(value: u64) -> f64 {
    value as f64
}
