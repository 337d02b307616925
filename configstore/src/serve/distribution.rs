//! The service agents and other stores speak to.

use super::pack::PackSource;
use crate::subscription::{Feed, OUTBOUND_MAX};
use configbus_model::{CommitId, ErrorKind, Namespace, Roles};
use configbus_proto::{
    convert::{WireError, namespace_from_wire},
    status,
    v1::{self, distribution_server::Distribution},
};
use configbus_runtime::Tasks;
use std::{convert::Infallible, sync::Arc};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Streams beyond the bound of subscribers: those that have not said who they are, and those about to be replaced.
const NEWCOMERS_MAX: usize = 256;

/// `Distribution`, served from the mirrors.
pub(crate) struct DistributionService {
    feed: Arc<Feed>,
    packs: PackSource,
    streams: Arc<Semaphore>,
    tasks: Tasks,
}

impl DistributionService {
    pub(crate) fn new(feed: Arc<Feed>, packs: PackSource, subscribers_max: usize, tasks: Tasks) -> Self {
        Self { feed, packs, streams: Arc::new(Semaphore::new(subscribers_max + NEWCOMERS_MAX)), tasks }
    }
}

#[tonic::async_trait]
impl Distribution for DistributionService {
    type SubscribeStream = ReceiverStream<Result<v1::SubscribeResponse, Status>>;
    type PackStream = ReceiverStream<Result<v1::PackResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<v1::SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let roles = roles_of(&request);
        let Ok(permit) = self.streams.clone().try_acquire_owned() else {
            let text = "this store has as many streams as it can serve";
            return Err(status::to_status(ErrorKind::Exhausted, text, &status::Details::default()));
        };
        let (outbound, responses) = mpsc::channel(OUTBOUND_MAX);
        let (feed, shutdown) = (self.feed.clone(), self.tasks.shutdown_token());
        self.tasks.spawn_connection("subscription", async move {
            crate::subscription::serve(feed, roles, request.into_inner(), outbound, shutdown).await;
            drop(permit);
            Ok::<_, Infallible>(())
        });
        Ok(Response::new(ReceiverStream::new(responses)))
    }

    async fn pack(&self, request: Request<v1::PackRequest>) -> Result<Response<Self::PackStream>, Status> {
        let roles = roles_of(&request);
        let v1::PackRequest { namespace, from, to } = request.into_inner();
        let namespace = namespace_from_wire(&namespace)?;
        if roles.is_some_and(|roles| !roles.sees(&namespace)) {
            let text = format!("you may not read namespace {namespace}");
            return Err(status::to_status(ErrorKind::Denied, text, &status::Details::default()));
        }
        let (from, to) = (commit("from", &from)?, commit("to", &to)?);
        let mirror = self.feed.mirrors.get(&namespace).ok_or_else(|| unknown(&namespace))?;
        Ok(Response::new(self.packs.open(mirror.store(), from, to)))
    }

    async fn members(&self, request: Request<v1::MembersRequest>) -> Result<Response<v1::MembersResponse>, Status> {
        let mut members = self.feed.pulse.borrow().members.clone();
        if let Some(roles) = roles_of(&request) {
            let sees = |head: &v1::Head| namespace_from_wire(&head.namespace).is_ok_and(|name| roles.sees(&name));
            members.iter_mut().for_each(|member| member.heads.retain(&sees));
        }
        Ok(Response::new(v1::MembersResponse { members }))
    }
}

/// Returns what the door knows of the caller; nothing where nobody is asked.
fn roles_of<T>(request: &Request<T>) -> Option<Arc<Roles>> {
    request.extensions().get::<Arc<Roles>>().cloned()
}

fn commit(field: &'static str, text: &str) -> Result<CommitId, WireError> {
    text.parse().map_err(|error| WireError::new(field, error))
}

fn unknown(namespace: &Namespace) -> Status {
    let text = format!("this store does not mirror namespace {namespace}");
    status::to_status(ErrorKind::NotFound, text, &status::Details::default())
}
