//! What a call can end with.

use configbus_model::{BlobId, ConfigPath, ErrorKind};
use configbus_proto::{
    ReadableToken,
    convert::WireError,
    status::{self, ConflictDetail, Details},
};
use configbus_transport::{TlsError, TurnedAway};
use std::{fmt, time::Duration};
use tonic::Status;

/// A path whose expectation did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: ConfigPath,
    /// What is there now; `None` when nothing is.
    pub current: Option<BlobId>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.current {
            Some(id) => write!(f, "{} is now {id}", self.path),
            None => write!(f, "{} does not exist", self.path),
        }
    }
}

/// One thing that validation found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `path:line:column`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

/// A call did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The text is no URL of a server.
    #[error("{url:?} is not the URL of a server: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The files for TLS cannot be used.
    #[error("TLS cannot be used")]
    Tls {
        /// Which, and why.
        #[source]
        source: Box<TlsError>,
    },
    /// The access token would travel readable.
    #[error(transparent)]
    ReadableToken(#[from] ReadableToken),
    /// Somebody else changed the files first.
    #[error("{operation} conflicts: {message}")]
    Conflict {
        /// The call.
        operation: &'static str,
        /// The server's words.
        message: String,
        /// Which paths, and what is there now.
        conflicts: Vec<Conflict>,
    },
    /// Validation refused the content.
    #[error("{operation}: {message}")]
    Rejected {
        /// The call.
        operation: &'static str,
        /// The server's words.
        message: String,
        /// The first problems.
        findings: Vec<Finding>,
        /// The gate's report as JSON, with as many of them.
        report: Option<Box<str>>,
    },
    /// The server answered, and the answer is no. A write that is answered so has not landed, unless the kind is
    /// [`ErrorKind::Unavailable`] or [`ErrorKind::Internal`]: a server that stops or breaks cannot always tell.
    #[error("{operation} failed ({kind}): {message}")]
    Answered {
        /// The call.
        operation: &'static str,
        /// What kind of failure it is.
        kind: ErrorKind,
        /// The server's words.
        message: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No server could be asked.
    #[error("{operation} failed: no server answers at {servers}")]
    Unreachable {
        /// The call.
        operation: &'static str,
        /// The URLs that were tried.
        servers: String,
        /// How the last attempt ended.
        #[source]
        source: Box<Status>,
    },
    /// The server does not speak with who has no certificate that it knows.
    #[error("{operation} failed: {servers} ends the connection")]
    TurnedAway {
        /// The call.
        operation: &'static str,
        /// The URLs that were tried.
        servers: String,
        /// Why.
        source: TurnedAway,
    },
    /// No answer came in time.
    #[error("{operation} got no answer from {servers} within {deadline:?}")]
    TimedOut {
        /// The call.
        operation: &'static str,
        /// The URLs that were tried.
        servers: String,
        /// How long the call was allowed to take.
        deadline: Duration,
    },
    /// The connection broke or time ran out after a write was sent.
    #[error("{operation} got no answer: the change may have landed or not; read before trying again")]
    OutcomeUnknown {
        /// The call.
        operation: &'static str,
        /// How the attempt ended; absent when time ran out.
        #[source]
        source: Option<Box<Status>>,
    },
    /// The answer cannot be understood.
    #[error("{operation} got an answer that makes no sense")]
    Malformed {
        /// The call.
        operation: &'static str,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
}

impl ApiError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadUrl { .. } | Self::ReadableToken(_) => ErrorKind::Invalid,
            Self::Tls { source } => source.kind(),
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Rejected { .. } => ErrorKind::Rejected,
            Self::Answered { kind, .. } => *kind,
            Self::TurnedAway { .. } => ErrorKind::Unauthenticated,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::OutcomeUnknown { .. } => ErrorKind::Unavailable,
            Self::Malformed { .. } => ErrorKind::Internal,
        }
    }

    /// Returns the paths whose expectation did not hold; empty unless this is a conflict.
    pub fn conflicts(&self) -> &[Conflict] {
        match self {
            Self::Conflict { conflicts, .. } => conflicts,
            _ => &[],
        }
    }

    /// Returns what validation found; empty unless it refused the content.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Rejected { findings, .. } => findings,
            _ => &[],
        }
    }

    /// Returns the gate's report as JSON, if validation refused the content and the server sent one.
    pub fn report(&self) -> Option<&str> {
        match self {
            Self::Rejected { report, .. } => report.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn malformed(operation: &'static str) -> impl Fn(WireError) -> Self {
        move |source| Self::Malformed { operation, source }
    }

    /// Reads a status that a server sent.
    pub(crate) fn answered(operation: &'static str, status: &Status) -> Self {
        let Details { conflicts, findings, report, retry_after } = status::details_of(status);
        let message = status.message().to_owned();
        match status::kind_of(status) {
            ErrorKind::Conflict => match conflicts.into_iter().map(conflict_from_wire).collect() {
                Ok(conflicts) => Self::Conflict { operation, message, conflicts },
                Err(source) => Self::Malformed { operation, source },
            },
            ErrorKind::Rejected => {
                let findings = findings.into_iter().map(|f| Finding { place: f.place, message: f.message });
                Self::Rejected { operation, message, findings: findings.collect(), report }
            }
            kind => Self::Answered { operation, kind, message, retry_after },
        }
    }
}

fn conflict_from_wire(detail: ConflictDetail) -> Result<Conflict, WireError> {
    let path = detail.path.parse().map_err(|error| WireError::new("conflict.path", error))?;
    let current = detail.current.map(|id| id.parse()).transpose();
    Ok(Conflict { path, current: current.map_err(|error| WireError::new("conflict.current", error))? })
}
