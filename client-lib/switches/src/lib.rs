//! Runtime switches: what a file of deciders, toggles, flags, features or experiments says, and what it means for one recipient.
//!
//! Everything here is pure. Documents come in parsed, the time and random draws come in as arguments, and what is wrong
//! with a document comes out as [`Problem`]s with JSON pointers, so that the gate can tell authors the line, the client
//! library can keep the last good set, and the agent can answer programs in other languages, all by the same code. It
//! knows no file, no clock, no network and no thread.
//!
//! The hashes are part of the product's contract: a recipient that is in today is in tomorrow. They are written down in
//! `docs/switches.md` and frozen by tests with vectors.
//!
//! Read first: [`decider::Decider`], [`toggle::ToggleMap`], [`FlagSet`], [`Feature`], [`experiment::Experiment`],
//! [`Switches`] (flags and features of a tree), [`Resolution`], [`Parsed`].

mod collection;
mod context;
pub mod decider;
pub mod experiment;
mod explanation;
mod feature;
mod flag;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod hash;
mod id;
mod logic;
mod moment;
mod problem;
mod reading;
mod resolution;
pub mod toggle;
mod version;

pub use collection::{FlagdSet, LeftOut, Lint, Place, SwitchFile, Switches, key_below};
pub use context::{Attribute, Context, TARGETING_KEY};
pub use explanation::Step;
pub use feature::{Feature, Parameter, ParameterKind, Stage};
pub use flag::{Flag, FlagSet};
pub use hash::{crc32, murmur3_32, xxh64};
pub use id::Id;
pub use moment::{Moment, MomentError};
pub use problem::{Parsed, Problem, Problems, Severity};
pub use resolution::{ErrorCode, Reason, Resolution};
