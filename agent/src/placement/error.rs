//! Why a copy did not take its place.

use super::owner::UnknownOwner;
use crate::delivery::DiskError;
use configbus_model::HashError;
use std::path::PathBuf;

/// A delivery did not happen; what is at the place stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// Nowhere to put it.
    #[error("the folder {folder:?} does not exist: create it, with the owner it should have")]
    NoFolder { folder: PathBuf },
    /// A file where a directory should go, or the other way round.
    #[error("{to:?} is a {there} and a {wanted} should take its place: move it away first")]
    OtherKind { to: PathBuf, there: &'static str, wanted: &'static str },
    /// Somebody's files would be lost.
    #[error("{to:?} has files that were not delivered by the bus: move them away first")]
    NotOurs { to: PathBuf },
    /// Nobody to give it to.
    #[error(transparent)]
    Owner(#[from] UnknownOwner),
    /// More than one place takes.
    #[error("{what} has more than {max} {unit}, which is too much for one delivery")]
    TooLarge { what: String, max: usize, unit: &'static str },
    /// Content was made to collide.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}
