//! The agent's HTTP for programs and people on the host: read-only.

use crate::{
    cross_origin, flag_board::FlagBoard, flag_token, flagd, host_guard, metrics::AgentMetrics, ofrep,
    status::StatusBoard, toggle_view,
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt as _,
};
use configbus_proto::Bearer;
use configbus_runtime::{CancellationToken, telemetry};
use serde_json::json;
use std::{io, sync::Arc};
use tokio::net::{TcpListener, UnixListener};

/// What handlers look at.
#[derive(Clone)]
pub(crate) struct LocalHttp {
    pub(crate) board: StatusBoard,
    pub(crate) metrics: AgentMetrics,
    pub(crate) flags: FlagBoard,
    /// What programs have to give to ask for them.
    pub(crate) flags_token: Bearer,
    /// Origins of web pages that may ask for flags.
    pub(crate) origins: Arc<[String]>,
    /// Ends streams.
    pub(crate) stop: CancellationToken,
}

impl LocalHttp {
    /// Serves the loopback port, where a browser may come along.
    pub(crate) async fn serve_port(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays with Nagle's algorithm");
            }
        });
        let guarded = self.router().await.layer(middleware::from_fn(host_guard::refuse_foreign_hosts));
        axum::serve(listener, guarded).with_graceful_shutdown(stop.cancelled_owned()).await
    }

    /// Serves the socket in the root, which no browser reaches.
    pub(crate) async fn serve_socket(self, listener: UnixListener, stop: CancellationToken) -> io::Result<()> {
        axum::serve(listener, self.router().await).with_graceful_shutdown(stop.cancelled_owned()).await
    }

    async fn router(self) -> Router {
        let flags = ofrep::routes(&self.metrics).merge(flagd::routes(&self).await).merge(toggle_view::routes());
        let for_pages = middleware::from_fn_with_state(Arc::clone(&self.origins), cross_origin::judge);
        let with_token = middleware::from_fn_with_state(self.flags_token.clone(), flag_token::judge);
        Router::new()
            // The question of a browser, whether a page may ask, comes without a token.
            .merge(flags.layer(with_token).layer(for_pages))
            .route("/status", get(status))
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .fallback(unknown)
            .with_state(self)
    }
}

async fn status(State(http): State<LocalHttp>) -> Response {
    Json(http.board.report()).into_response()
}

async fn metrics(State(http): State<LocalHttp>) -> Response {
    http.metrics.status(&http.board.report());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::render_metrics()).into_response()
}

async fn ready(State(http): State<LocalHttp>) -> Response {
    let pending = http.board.readiness.pending();
    if pending.is_empty() {
        return "ready\n".into_response();
    }
    let mut reasons = pending.join("\n");
    if let Some(error) = http.board.report().store.last_error {
        reasons.push_str(&format!("\n{error}"));
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reasons}\n")).into_response()
}

async fn unknown() -> Response {
    let detail = "expected /status, /metrics, /healthz, /readyz, /ofrep/v1/evaluate/flags, flagd's gRPC services or /admin/toggles";
    let problem = json!({ "title": "not found", "status": 404, "detail": detail });
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/problem+json")], Json(problem)).into_response()
}
