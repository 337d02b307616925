//! flagd's protocols over gRPC: whole sets of flags for programs that evaluate by themselves, and single answers for those that do not.
//!
//! Both speak of what OFREP speaks of, by the same evaluation. Where the protocols are silent: until the host has its first
//! revision, single questions are `UNAVAILABLE` and streams wait; a stream ends with `UNAVAILABLE` when the agent stops, because
//! released clients come back only after an error.

mod answer;
mod changes;
mod evaluation_v1;
mod evaluation_v2;
mod selector;
mod sync;
#[cfg(test)]
mod tests;

use crate::{flag_board::FlagBoard, flag_state::FlagState, flag_streams, local_http::LocalHttp};
use axum::Router;
use configbus_proto::flagd::{
    self, evaluation::v1::service_server::ServiceServer as V1Server,
    evaluation::v2::service_server::ServiceServer as V2Server,
    sync::v1::flag_sync_service_server::FlagSyncServiceServer,
};
use configbus_runtime::CancellationToken;
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};
use std::sync::Arc;
use tonic::{Status, service::Routes};

/// Largest question.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What a streaming call returns.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// What the services look at.
#[derive(Debug, Clone)]
struct Flagd {
    flags: FlagBoard,
    /// Ends streams.
    stop: CancellationToken,
}

/// Builds the routes of all services.
pub(crate) async fn routes(http: &LocalHttp) -> Router<LocalHttp> {
    let flagd = Flagd { flags: http.flags.clone(), stop: http.stop.clone() };
    let sync = FlagSyncServiceServer::new(sync::SyncService::new(flagd.clone()));
    let v1 = V1Server::new(evaluation_v1::EvaluationService(flagd.clone()));
    let v2 = V2Server::new(evaluation_v2::EvaluationService(flagd));
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<FlagSyncServiceServer<sync::SyncService>>().await;
    health.set_serving::<V1Server<evaluation_v1::EvaluationService>>().await;
    health.set_serving::<V2Server<evaluation_v2::EvaluationService>>().await;
    let described = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(flagd::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    let reflection = described.build_v1().expect("the embedded descriptors are those of this build");
    Routes::new(health_service)
        .add_service(reflection)
        .add_service(sync.max_decoding_message_size(BODY_BYTES_MAX))
        .add_service(v1.max_decoding_message_size(BODY_BYTES_MAX))
        .add_service(v2.max_decoding_message_size(BODY_BYTES_MAX))
        .prepare()
        .into_axum_router()
        .reset_fallback()
        .with_state(())
}

impl Flagd {
    /// Returns the flags there are.
    fn state(&self) -> Result<Arc<FlagState>, Status> {
        self.flags.state().ok_or_else(|| Status::unavailable("no revision on this host yet"))
    }

    /// Returns the flags there are and each later state, as long as the caller listens and the agent runs.
    fn states(&self) -> Result<impl Stream<Item = Result<Arc<FlagState>, Status>> + Send + use<>, Status> {
        let place = flag_streams::place().ok_or_else(|| Status::resource_exhausted(flag_streams::refusal()))?;
        let mut states = self.flags.states();
        states.mark_changed();
        let states = stream::unfold((states, place), |(mut states, place)| async move {
            states.changed().await.ok()?;
            let state = states.borrow_and_update().clone();
            Some((state, (states, place)))
        });
        let states = states.filter_map(async |state| state.map(Ok)).take_until(self.stop.clone().cancelled_owned());
        let end = Status::unavailable("the agent of this host stops");
        Ok(states.chain(stream::iter([Err(end)])))
    }
}
