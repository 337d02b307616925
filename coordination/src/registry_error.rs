//! What can go wrong between a process and its registry.

use configbus_model::{ErrorKind, Namespace};

/// A request to a registry failed. None of these loses anything: the caller holds its intent and tries again.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no link right now.
    #[error("coordination by {registry} is not connected: {reason}")]
    Disconnected {
        /// Kind of the registry.
        registry: &'static str,
        /// Why the link is down.
        reason: String,
    },
    /// The link is up and no answer came.
    #[error("{registry} did not answer within {timeout_ms} ms")]
    Timeout {
        /// Kind of the registry.
        registry: &'static str,
        /// How long was waited.
        timeout_ms: u64,
    },
    /// Another server is alive and serves the namespace.
    #[error("namespace {namespace} is served by {by}, one live server is allowed")]
    ServedByAnother {
        /// Whose head was to be announced.
        namespace: Namespace,
        /// Who serves it.
        by: String,
    },
    /// The registry's access lists do not admit this process.
    #[error("{registry} refused access to {node}, its access list names other credentials")]
    Denied {
        /// Kind of the registry.
        registry: &'static str,
        /// What was to be touched.
        node: String,
    },
    /// Others kept changing the same node.
    #[error("gave up on {node} after {attempts} attempts, others keep changing it")]
    Contended {
        /// What was to be changed.
        node: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A member cannot be listed as it is.
    #[error("a member's {reason}")]
    Member {
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The server that the registry is embedded in says no.
    #[error("{url} refused: {reason}")]
    Refused {
        /// The server.
        url: String,
        /// What kind of refusal it is.
        kind: ErrorKind,
        /// Its words.
        reason: String,
    },
    /// This registry does not do that.
    #[error("{registry} does not offer to {operation}")]
    Unsupported {
        /// Kind of the registry.
        registry: &'static str,
        /// What was asked.
        operation: &'static str,
    },
    /// ZooKeeper answered with an error.
    #[error("zookeeper failed to {operation} {node}")]
    ZooKeeper {
        /// What was tried.
        operation: &'static str,
        /// On which node.
        node: String,
        /// What ZooKeeper or its client said.
        source: zookeeper_client::Error,
    },
}

impl RegistryError {
    /// Returns what callers branch on.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Disconnected { .. } | Self::Timeout { .. } | Self::ZooKeeper { .. } | Self::Contended { .. } => {
                ErrorKind::Unavailable
            }
            Self::ServedByAnother { .. } => ErrorKind::Conflict,
            Self::Denied { .. } => ErrorKind::Denied,
            Self::Member { .. } => ErrorKind::Invalid,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Refused { kind, .. } => *kind,
        }
    }
}
