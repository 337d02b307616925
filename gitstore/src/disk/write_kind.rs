//! What a failed write means to whoever asked for it.

use configbus_model::ErrorKind;
use std::io;

/// A full disk is for the operator to solve and worth another try; anything else is broken.
pub(crate) fn write_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Exhausted,
        _ => ErrorKind::Internal,
    }
}
