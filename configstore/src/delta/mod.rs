//! Deltas on their way to subscribers: computed from the mirror, encoded once, shared by all who want them.

mod cache;
mod encode;
mod error;
mod parts;

pub(crate) use cache::{DeltaCache, DeltaKey, EncodedDelta};
pub(crate) use encode::{EncodeError, Encoder, ObjectShape};
pub(crate) use error::DeltaError;
pub(crate) use parts::PartsWriter;
