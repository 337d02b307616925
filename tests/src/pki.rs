//! A certificate authority made at test time.

pub use configbus_transport::testing::{Authority, Issued, Validity};
