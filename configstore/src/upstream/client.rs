//! The server, as a store sees it.

use super::Pack;
use configbus_coordination::Heads;
use configbus_model::{CommitId, ErrorKind, Namespace, TokenHash};
use configbus_proto::{
    AuthorisedChannel, Bearer, MESSAGE_BYTES_MAX,
    convert::{WireError, heads_from_wire},
    status, v1,
    v1::{admin_client::AdminClient, distribution_client::DistributionClient, fleet_client::FleetClient},
};
use configbus_transport::{ClientTls, channel};
use std::time::Duration;
use tonic::transport::Endpoint;

/// Longest time to set up a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// Longest time for a small answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Longest time for a pack.
const PACK_MAX: Duration = Duration::from_secs(30);

/// A dead connection is noticed within twice this time.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The server could not be asked, or said no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It does not answer, or refuses.
    #[error("the server answered {:?}: {}", .0.code(), .0.message())]
    Status(Box<tonic::Status>),
    /// It does not answer in time.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Deadline(Duration),
    /// It answers something else than was asked for.
    #[error("the server's answer cannot be understood")]
    Answer(#[from] WireError),
    /// The pack is too long for this way.
    #[error("the pack is over {bytes_max} bytes")]
    PackTooLong { bytes_max: u64 },
}

impl UpstreamError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Status(status) => status::kind_of(status),
            Self::Deadline(_) => ErrorKind::Unavailable,
            Self::Answer(_) => ErrorKind::Internal,
            // As if the server had none: `git fetch` is the way.
            Self::PackTooLong { .. } => ErrorKind::NotFound,
        }
    }
}

/// One connection to the server, set up when it is needed and again when it is lost.
#[derive(Debug, Clone)]
pub(crate) struct ServerClient {
    url: String,
    channel: AuthorisedChannel,
}

impl ServerClient {
    /// Prepares a connection; nothing is sent yet. Must be called within a runtime.
    pub(crate) fn new(url: &str, tls: &ClientTls, bearer: &Bearer) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(CONNECT_MAX)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let channel = bearer.on(channel(&endpoint, tls), url);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), channel })
    }

    /// Returns where stock Git fetches a namespace.
    pub(crate) fn git_url(&self, namespace: &Namespace) -> String {
        format!("{}/git/{namespace}.git", self.url)
    }

    /// Returns the server's own heads.
    pub(crate) async fn heads(&self) -> Result<Heads, UpstreamError> {
        let mut client = FleetClient::new(self.channel.clone());
        let answer = within(ANSWER_MAX, client.status(v1::StatusRequest::default())).await?;
        Ok(heads_from_wire(&answer.into_inner().heads)?)
    }

    /// Has the server judge a token by its id and hash.
    pub(crate) async fn judge_token(&self, id: &str, hash: &TokenHash) -> Result<v1::TokenInfo, UpstreamError> {
        let mut client = AdminClient::new(self.channel.clone());
        let request = v1::JudgeTokenRequest { id: id.to_owned(), hash: hash.to_string() };
        let answer = within(ANSWER_MAX, client.judge_token(request)).await?.into_inner();
        Ok(answer.info.ok_or_else(|| WireError::new("info", "it is missing"))?)
    }

    /// Returns the pack that leads from one commit to another.
    pub(crate) async fn pack(
        &self,
        namespace: &Namespace,
        from: CommitId,
        to: CommitId,
        bytes_max: u64,
    ) -> Result<Pack, UpstreamError> {
        let namespace = namespace.to_string();
        let request = v1::PackRequest { namespace, from: from.to_string(), to: to.to_string() };
        let receive = async {
            let mut client = DistributionClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
            let mut stream = client.pack(request).await?.into_inner();
            let mut pack = Pack::default();
            while let Some(piece) = stream.message().await? {
                pack.push(piece.data);
                if pack.size_bytes() > bytes_max {
                    return Ok(None);
                }
            }
            Ok(Some(pack))
        };
        within(PACK_MAX, receive).await?.ok_or(UpstreamError::PackTooLong { bytes_max })
    }

    /// Opens the stream of reports about hosts; it ends when the server ends it.
    pub(crate) async fn report(
        &self,
        reports: tokio_stream::wrappers::ReceiverStream<v1::ReportRequest>,
    ) -> Result<(), UpstreamError> {
        FleetClient::new(self.channel.clone())
            .report(reports)
            .await
            .map_err(|status| UpstreamError::Status(Box::new(status)))?;
        Ok(())
    }
}

async fn within<T>(time: Duration, answer: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, UpstreamError> {
    match tokio::time::timeout(time, answer).await {
        Ok(answer) => answer.map_err(|status| UpstreamError::Status(Box::new(status))),
        Err(_) => Err(UpstreamError::Deadline(time)),
    }
}
