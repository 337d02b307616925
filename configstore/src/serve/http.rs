//! What is served beside gRPC, for people and monitoring.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use configbus_runtime::{Readiness, telemetry};

/// Content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`, `/healthz`, `/readyz`.
pub(crate) fn routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(|| async { ([(header::CONTENT_TYPE, PROMETHEUS)], telemetry::render_metrics()) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(readiness)
}

/// Says what is missing, one reason a line.
async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    match readiness.pending() {
        pending if pending.is_empty() => (StatusCode::OK, "ready\n".to_owned()),
        pending => (StatusCode::SERVICE_UNAVAILABLE, pending.join("\n") + "\n"),
    }
}
