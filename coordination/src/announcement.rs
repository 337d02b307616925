//! What became of an announcement, over the wire.

use crate::Announcement;
use configbus_model::Namespace;
use configbus_proto::{
    convert::{self, WireError},
    v1::{self, announce_response::Outcome},
};

/// Wraps an outcome.
pub(crate) fn to_wire(namespace: &Namespace, announced: &Announcement) -> v1::AnnounceResponse {
    let (outcome, held) = match announced {
        Announcement::Written => (Outcome::Written, None),
        Announcement::Same => (Outcome::Same, None),
        Announcement::AlreadyNewer(held) => (Outcome::AlreadyNewer, Some(held)),
        Announcement::Diverged(held) => (Outcome::Diverged, Some(held)),
    };
    let held = held.map(|head| convert::head_to_wire(namespace, head));
    v1::AnnounceResponse { outcome: outcome.into(), held }
}

/// Reads an outcome.
pub(crate) fn from_wire(answer: &v1::AnnounceResponse) -> Result<Announcement, WireError> {
    let held = || {
        let held = answer.held.as_ref().ok_or_else(|| WireError::new("held", "it is missing"))?;
        Ok(convert::head_from_wire(held)?.1)
    };
    match answer.outcome() {
        Outcome::Written => Ok(Announcement::Written),
        Outcome::Same => Ok(Announcement::Same),
        Outcome::AlreadyNewer => Ok(Announcement::AlreadyNewer(held()?)),
        Outcome::Diverged => Ok(Announcement::Diverged(held()?)),
        Outcome::Unspecified => Err(WireError::new("outcome", "it is unspecified")),
    }
}
