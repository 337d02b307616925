//! Why a version of a file is not in use.

use crate::ParseError;
use configbus_model::Revision;
use std::{fmt, io, sync::Arc};

/// What is wrong with a version of a file.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// It is not what its format or type demand.
    #[error("it does not parse: {0}")]
    Parse(#[source] ParseError),
    /// A check of the program said no.
    #[error("a check of the program refused it: {0}")]
    Check(String),
    /// Parsing or checking it panicked.
    #[error("parsing or checking it panicked")]
    Panicked,
    /// It is there and cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[source] Arc<io::Error>),
}

/// A version of a file that is not in use; the last good value stays.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Revision it came with.
    pub revision: Revision,
    /// Why.
    pub reason: RefusalReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the version of {} is not in use: {}", self.revision, self.reason)
    }
}

impl Refusal {
    /// Returns whether the same version may be usable later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.reason, RefusalReason::Unreadable(_))
    }
}

impl RefusalReason {
    /// Returns whether it is this.
    pub(crate) fn says(&self, message: &str) -> bool {
        matches!(self, Self::Parse(error) if error.message == message)
    }

    /// Describes the reason without quoting the file: contents do not belong in logs.
    pub(crate) fn for_log(&self) -> String {
        match self {
            Self::Parse(ParseError { place: Some(place), .. }) => {
                format!("it does not parse at line {}, column {}", place.line, place.column)
            }
            Self::Parse(_) => "it does not parse".to_owned(),
            Self::Check(_) | Self::Panicked => self.to_string(),
            Self::Unreadable(error) => format!("{self}: {error}"),
        }
    }
}
