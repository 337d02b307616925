//! What kind of failure a public error is. Callers branch on this, never on text.

use std::{fmt, str::FromStr};

/// Kinds of failure, mapped once to gRPC status, once to HTTP status and once to exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The named thing is not there.
    NotFound,
    /// Somebody else changed it first.
    Conflict,
    /// Validation refused the candidate.
    Rejected,
    /// The request itself is wrong.
    Invalid,
    /// Nobody knows who the caller is.
    Unauthenticated,
    /// The principal may not do this.
    Denied,
    /// A needed peer does not answer; trying again may help.
    Unavailable,
    /// A bound was reached; trying again later may help.
    Exhausted,
    /// This release does not do that.
    Unsupported,
    /// The program or its data is broken.
    Internal,
}

impl ErrorKind {
    const ALL: [Self; 10] = [
        Self::NotFound,
        Self::Conflict,
        Self::Rejected,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Denied,
        Self::Unavailable,
        Self::Exhausted,
        Self::Unsupported,
        Self::Internal,
    ];

    /// Returns whether the same request may succeed later without a change by the caller.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Exhausted)
    }

    /// Returns the name used on the wire and in metrics labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ErrorKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(())
    }
}
