//! The store's port: gRPC for agents and other stores, plain HTTP for people and monitoring.

mod distribution;
mod http;
mod pack;

pub(crate) use distribution::DistributionService;
pub(crate) use pack::PackSource;

use crate::door::{Door, admit};
use axum::middleware::from_fn_with_state;
use configbus_proto::{DESCRIPTORS, MESSAGE_BYTES_MAX, v1::distribution_server::DistributionServer};
use configbus_runtime::{CancellationToken, Readiness};
use configbus_transport::{Connection, Incoming};
use futures_util::{Stream, stream::unfold};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tonic::{service::Routes, transport::Server};

/// A host that has vanished without a word is noticed within twice this time.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Longest time to let streams end that are not told to: a watch of the health service never does by itself.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Streams of one connection; simulated fleets put a hundred hosts on one.
const STREAMS_MAX: u32 = 1_024;

/// The port could not be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// Reflection refuses its descriptors.
    #[error("failed to set up reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("failed to serve")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `shutdown`, then for a moment until every stream has ended.
pub(crate) async fn serve(
    listener: Incoming,
    distribution: DistributionService,
    door: Door,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_not_serving::<DistributionServer<DistributionService>>().await;
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Stock clients of several languages still ask for the alpha.
    let (reflection, alpha) = (described().build_v1()?, described().build_v1alpha()?);
    let distribution = DistributionServer::new(distribution).max_encoding_message_size(MESSAGE_BYTES_MAX);
    let routes = Routes::from(http::routes(readiness.clone()))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(alpha)
        .add_service(distribution);
    let routes = if door.is_needed() {
        Routes::from(routes.into_axum_router().layer(from_fn_with_state(Arc::new(door), admit)))
    } else {
        routes
    };
    let become_healthy = async {
        readiness.wait().await;
        health.set_serving::<DistributionServer<DistributionService>>().await;
        std::future::pending::<()>().await;
    };
    let served = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .max_concurrent_streams(STREAMS_MAX)
        .add_routes(routes)
        .serve_with_incoming_shutdown(accepted(listener), shutdown.clone().cancelled_owned());
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        served = served => Ok(served?),
        () = become_healthy => unreachable!("it waits for ever"),
        () = drained => Ok(()),
    }
}

/// Yields connections for as long as it is polled. Beyond the bound new ones wait unaccepted, time out at the agent,
/// and go to another store; without it one mistake in a fleet takes every descriptor.
fn accepted(listener: Incoming) -> impl Stream<Item = Result<Connection, Infallible>> {
    unfold(listener, async |mut listener| Some((Ok(listener.accept().await), listener)))
}
