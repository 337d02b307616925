//! Packs of our own making: one per landing, with its index, durable before anything refers to it.
//!
//! libgit2's pack builder took 450 commits a second, looking for deltas nobody asked for, and synced nothing. Here objects
//! are deflated quickly, and only a directory whose version before is beside it is stored as a difference; joining packs
//! in quiet times (see `upkeep`) finds the other ones.

mod builder;
mod concatenate;
mod encode;
mod index;
mod install;

pub(crate) use builder::PackBuilder;
pub(crate) use concatenate::concatenate;
pub(crate) use encode::{EncodedPack, PackWriter};
pub(crate) use index::{count_of, ids_of};
pub(crate) use install::{install, sync_packs, write};

#[cfg(test)]
mod tests;
