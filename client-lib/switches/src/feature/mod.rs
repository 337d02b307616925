//! Features: one readable file each, with an owner, a stage of life, typed parameters, ordered rules and tests of its own.
//!
//! The first rule that matches says which parameters differ from their defaults. A rule matches by what is known of the
//! recipient, by dates, and for a percentage of a unit; whoever is in at a percentage stays in at a higher one, and adding or
//! moving rules moves nobody, because the bucket depends on the feature and the unit alone.

pub(crate) mod condition;
mod explain;
mod exposure;
mod file;
mod flagd;
mod lint;
mod parameter;
mod rule;
#[cfg(test)]
mod tests;

pub use file::{Feature, Stage};
pub use parameter::{Parameter, ParameterKind};
