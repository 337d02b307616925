//! What every operation answers when it cannot do what was asked, before a facade gives it a shape.
//!
//! Operations have error enums of their own; gRPC and REST see only this envelope, so that a kind is mapped to a status
//! once per protocol and not once per operation.

use configbus_model::ErrorKind;
use configbus_proto::status::{Details, to_status};
use std::time::Duration;

/// Kind, text and details of a failed operation.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) details: Details,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Details::default() }
    }

    #[allow(clippy::needless_pass_by_value, reason = "errors are handed over, as in `map_err`")]
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::new(ErrorKind::Invalid, message.to_string())
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A bound is reached; the caller may come back after `retry_after`.
    pub(crate) fn exhausted(message: impl Into<String>, retry_after: Duration) -> Self {
        let details = Details { retry_after: Some(retry_after), ..Details::default() };
        Self { kind: ErrorKind::Exhausted, message: message.into(), details }
    }

    /// The server is going away.
    pub(crate) fn stopping() -> Self {
        Self::new(ErrorKind::Unavailable, "server is stopping")
    }

    /// Wraps an error that the caller can do nothing about; its causes go to the log, its text to the caller.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!("request failed: {}", configbus_runtime::report::chain(error));
        Self::new(ErrorKind::Internal, error.to_string())
    }
}

impl From<Failure> for tonic::Status {
    fn from(failure: Failure) -> Self {
        to_status(failure.kind, failure.message, &failure.details)
    }
}
