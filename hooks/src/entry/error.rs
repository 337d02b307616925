//! Why a hook could not carry an answer to Git.

use crate::wire::WireError;
use std::{io, path::PathBuf};

/// Every one of these refuses the push.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookError {
    #[error("{variable} is not set; this hook only works in a repository that a configbus server runs")]
    NotOnServer { variable: &'static str },
    #[error("the configbus server is not running; nothing was accepted, push again when it is ({socket})")]
    ServerAway { socket: PathBuf, source: io::Error },
    #[error("the configbus server did not answer in time; nothing more is known about this push ({socket})")]
    ServerSilent { socket: PathBuf },
    #[error("lost the configbus server before it answered; nothing more is known about this push ({socket})")]
    ServerLost { socket: PathBuf, source: WireError },
    #[error("the configbus server could not answer: {reason}")]
    ServerFailed { reason: String },
    #[error("the configbus server gave an answer to another question")]
    AnswerMismatch,
    #[error("Git sent {what} that makes no sense: {found:?}")]
    Input { what: &'static str, found: String },
    #[error("failed to talk to Git")]
    Git(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<io::Error> for HookError {
    fn from(error: io::Error) -> Self {
        Self::Git(error.into())
    }
}

impl HookError {
    /// Returns the error and its causes in one line.
    pub(super) fn chain(&self) -> String {
        chain_of(self)
    }
}

/// Returns an error and its causes in one line.
pub(super) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
