//! The journal: landings made durable by one write.
//!
//! A landing is a pack, its index, a few records and a ref: four files with two directories that name them, which the disk
//! has to be waited for three times. So all of it is first appended to one file that was there before, and only that is
//! synced. The files are written beside it, for stock Git reads those, and are synced later, when nobody waits
//! (`checkpoint`). After a power cut they may be missing, torn or empty; the next start makes them again from the journal
//! before anybody sees anything (`replay`).
//!
//! There are two files of it. While one takes landings, what the other holds is being made durable elsewhere; then that one
//! is free. A file that was written once is only overwritten, so that a sync has no names and no lengths to write.
//!
//! Syncing the files themselves was what this did before, and what pushes still do for the objects that Git received.

mod pair;
mod record;
mod replay;
mod segment;

pub(crate) use pair::{Appended, Journal};
pub(crate) use record::Parts;
pub(crate) use replay::replay;

#[cfg(test)]
mod tests;
