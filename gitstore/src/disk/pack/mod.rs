//! Packs of our own making: one per landing, with its index, durable before anything refers to it.
//!
//! libgit2's pack builder took 450 commits a second, looking for deltas nobody asked for, and synced nothing. Objects
//! are deflated quickly and whole; joining packs later (see `upkeep`) finds the deltas.

mod encode;
mod index;
mod install;

pub(crate) use encode::{PackObject, PackWriter, encode};
pub(crate) use index::{count_of, ids_of};
pub(crate) use install::{install, sync_packs};

#[cfg(test)]
mod tests;
