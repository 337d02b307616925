//! Published hashes, each as its authors define it, so that any language can decide alike with a stock library.
//!
//! Small and ours because the hot path wants them inlined and without a crate of their own; outside vectors hold them.

mod crc32;
mod murmur3;
mod xxh64;

pub use crc32::crc32;
pub use murmur3::murmur3_32;
pub(crate) use murmur3::{Murmur3, finalized, mixed, mixed_last};
pub use xxh64::xxh64;
pub(crate) use xxh64::xxh64_of_u64;
