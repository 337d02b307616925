//! A directory becomes a namespace of its own, with its history and its part of the policy, while others write.
//!
//! The copy is made beside the namespaces ([`pending`]) and followed up until little is left; then the committer of `main` is
//! held ([`handover`]): the last commits are copied, the translated policy lands on them, the copy gets its place, and one
//! revision of `main` takes the directory away and mounts the namespace instead. Before that revision is durable nothing has
//! happened, afterwards everything has; a start after a crash clears or keeps accordingly. Changes that waited meanwhile find
//! their path in the namespace.
//!
//! Refusing writes below the directory until it is done was the alternative: with 100,000 commits that is half a minute in
//! which nobody can change a decider.

mod handover;
mod pending;
mod plan;
mod run;

pub use pending::PendingError;
pub(crate) use pending::settle;
pub(crate) use run::{SplitOutcome, SplitProgress, SplitRequest, SplitStage, split};
