//! The wire: generated types of `configbus.v1` and of flagd's protocols, conversion to and from the model, and how errors travel.
//!
//! Knows the shape of messages and nothing of what they make happen. Read first: [`v1`], then [`convert`] and
//! [`status`].

mod bearer;
pub mod convert;
pub mod flagd;
pub mod status;

pub use bearer::{AuthorisedChannel, Bearer, BearerError, ReadableToken};

/// Generated from `proto/configbus/v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rust_2018_idioms)]
pub mod v1 {
    tonic::include_proto!("configbus.v1");
}

/// Encoded `FileDescriptorSet` for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Longest gRPC message either side accepts, in bytes: the largest file with its envelope.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Version of the subscription protocol an agent announces.
pub const PROTOCOL_VERSION: u32 = 1;
