//! For tests, here and in the crates above: certificates of an authority that is made when they run.

mod pki;

pub use pki::{Authority, Issued, Validity};
