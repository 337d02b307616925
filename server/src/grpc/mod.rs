//! The gRPC facade: wire in, operation, wire out.

mod admin;
mod config;
mod coordination;
mod distribution;
mod fleet;
mod history;
mod message_bound;
mod split;

pub(crate) use message_bound::too_large;

use crate::auth::Tokens;
use crate::bus::Bus;
use axum::middleware::from_fn_with_state;
use configbus_coordination::{Embedded, EmbeddedService};
use configbus_model::ErrorKind;
use configbus_proto::v1::admin_server::AdminServer;
use configbus_proto::v1::config_server::ConfigServer;
use configbus_proto::v1::coordination_server::{Coordination, CoordinationServer};
use configbus_proto::v1::distribution_server::DistributionServer;
use configbus_proto::v1::fleet_server::FleetServer;
use configbus_proto::v1::{self};
use configbus_proto::{DESCRIPTORS, MESSAGE_BYTES_MAX, status};
use configbus_runtime::Tasks;
use futures_util::stream::BoxStream;
use std::sync::Arc;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

/// What a streaming call returns.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// Builds the routes of all services. `embedded` is the registry to offer, if this server has one to offer, `tokens`
/// those that may be administered.
pub(crate) async fn routes(
    bus: &Arc<Bus>,
    embedded: Option<Arc<Embedded>>,
    tokens: Option<Arc<Tokens>>,
    tasks: &Tasks,
) -> axum::Router {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ConfigServer<config::ConfigService>>().await;
    health.set_serving::<DistributionServer<distribution::DistributionService>>().await;
    health.set_serving::<FleetServer<fleet::FleetService>>().await;
    health.set_serving::<AdminServer<admin::AdminService>>().await;
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let whole = "the embedded descriptors are those of this build";
    // Stock clients of several languages still ask for the alpha.
    let (reflection, alpha) = (described().build_v1().expect(whole), described().build_v1alpha().expect(whole));
    let config = ConfigServer::new(config::ConfigService { bus: Arc::clone(bus), tasks: tasks.clone() })
        .max_decoding_message_size(bus.limits.body_bytes_max)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let distribution = DistributionServer::new(distribution::DistributionService::new(Arc::clone(bus), tasks.clone()));
    let fleet = FleetServer::new(fleet::FleetService::new(Arc::clone(bus)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let admin = admin::AdminService::new(Arc::clone(bus), tokens);
    let routes = Routes::new(health_service)
        .add_service(reflection)
        .add_service(alpha)
        .add_service(config)
        .add_service(distribution)
        .add_service(fleet)
        .add_service(AdminServer::new(admin));
    let routes = match embedded {
        Some(embedded) => {
            let service = EmbeddedService::new(embedded, tasks.clone());
            routes.add_service(CoordinationServer::new(coordination::CoordinationService(service)))
        }
        None => routes.add_service(CoordinationServer::new(ElsewhereCoordination)),
    };
    let bounded = from_fn_with_state(bus.limits.body_bytes_max, message_bound::bound);
    routes.prepare().into_axum_router().layer(bounded)
}

/// Answers those that look for embedded coordination on a server that uses ZooKeeper.
struct ElsewhereCoordination;

#[tonic::async_trait]
impl Coordination for ElsewhereCoordination {
    type JoinStream = Answers<v1::JoinResponse>;

    async fn join(&self, _: Request<Streaming<v1::JoinRequest>>) -> Result<Response<Self::JoinStream>, Status> {
        let text = "this server coordinates through zookeeper: give the store the same zookeeper settings";
        Err(status::to_status(ErrorKind::Unsupported, text, &status::Details::default()))
    }

    async fn announce(&self, _: Request<v1::AnnounceRequest>) -> Result<Response<v1::AnnounceResponse>, Status> {
        let text = "this server coordinates through zookeeper: announce there";
        Err(status::to_status(ErrorKind::Unsupported, text, &status::Details::default()))
    }
}
