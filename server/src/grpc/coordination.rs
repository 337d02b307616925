//! Service `Coordination`, as far as it asks who comes for which namespace.

use crate::auth::Caller;
use configbus_coordination::EmbeddedService;
use configbus_proto::convert::namespace_from_wire;
use configbus_proto::v1;
use configbus_proto::v1::coordination_server::Coordination;
use tonic::{Request, Response, Status, Streaming};

/// The registry of this server, offered to other processes.
pub(super) struct CoordinationService(pub(super) EmbeddedService);

#[tonic::async_trait]
impl Coordination for CoordinationService {
    type JoinStream = <EmbeddedService as Coordination>::JoinStream;

    async fn join(&self, request: Request<Streaming<v1::JoinRequest>>) -> Result<Response<Self::JoinStream>, Status> {
        self.0.join(request).await
    }

    async fn announce(&self, request: Request<v1::AnnounceRequest>) -> Result<Response<v1::AnnounceResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        if let Some(head) = &request.get_ref().head {
            caller.check(&namespace_from_wire(&head.namespace)?)?;
        }
        self.0.announce(request).await
    }
}
