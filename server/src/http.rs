//! The one port: Git, gRPC, REST, metrics and the status page behind one guard.

use crate::auth::{Door, Tokens, admit};
use crate::bus::Bus;
use crate::data::DataFolder;
use crate::failure::Failure;
use crate::git_http::{self, GitState};
use crate::web::host_guard::{HostGuard, refuse_foreign};
use crate::web::{BoundedListener, HealthState, Peer, health_routes, page};
use crate::{grpc, rest};
use axum::Router;
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use configbus_coordination::Embedded;
use configbus_model::ErrorKind;
use configbus_runtime::{CancellationToken, Readiness, Tasks};
use configbus_transport::{Incoming, ListenerTls};
use std::future::IntoFuture as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long requests under way may take once the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// What stands behind the port.
pub(crate) struct Front {
    pub(crate) git: GitState,
    pub(crate) bus: Arc<Bus>,
    pub(crate) embedded: Option<Arc<Embedded>>,
    pub(crate) readiness: Readiness,
    pub(crate) not_serving: &'static str,
    pub(crate) host_names: Vec<String>,
    pub(crate) door: Door,
    pub(crate) tokens: Option<Arc<Tokens>>,
    /// Names that requests may carry in `Host`, beside, are those of its certificate.
    pub(crate) tls: Option<Arc<ListenerTls>>,
    /// Held until the last request is answered.
    pub(crate) data: Arc<DataFolder>,
}

/// Starts answering.
pub(crate) fn start(front: Front, listener: Incoming, addr: SocketAddr, tasks: &Tasks) {
    let group = tasks.clone();
    tasks.spawn("http", async move { serve(front, listener, addr, &group).await });
}

async fn serve(front: Front, listener: Incoming, addr: SocketAddr, tasks: &Tasks) -> io::Result<()> {
    let (readiness, not_serving) = (front.readiness.clone(), front.not_serving);
    let (router, _data) = router(front, addr, tasks).await;
    let stop = tasks.shutdown_token();
    let serving = axum::serve(BoundedListener(listener), router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    readiness.met(not_serving);
    tokio::select! {
        ended = serving.into_future() => ended,
        () = overdue(stop) => {
            tracing::warn!("cut off requests that did not end within {} s", FINISH_WITHIN.as_secs());
            Ok(())
        }
    }
}

async fn overdue(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FINISH_WITHIN).await;
}

/// Returns the routes behind the guards, and what is held until the last request is answered.
async fn router(front: Front, addr: SocketAddr, tasks: &Tasks) -> (Router, Arc<DataFolder>) {
    let guard = Arc::new(HostGuard::new(addr, &front.host_names, front.tls));
    let health = HealthState { bus: Arc::clone(&front.bus), readiness: front.readiness.clone() };
    let router = grpc::routes(&front.bus, front.embedded, front.tokens, tasks)
        .await
        .merge(git_http::routes(front.git))
        .merge(rest::routes(&front.bus))
        .merge(health_routes(health))
        .route("/", get(page))
        .fallback(unknown)
        .layer(from_fn_with_state(Arc::new(front.door), admit))
        .layer(from_fn_with_state(guard, refuse_foreign));
    (router, front.data)
}

/// Answers in the caller's protocol that nothing is there.
async fn unknown(headers: HeaderMap) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/grpc") {
        let failure = Failure::new(ErrorKind::Unsupported, "this server has no such service or method");
        return tonic::Status::from(failure).into_http::<axum::body::Body>();
    }
    Failure::not_found("there is nothing at this path, see / and /openapi.json").into_response()
}
