//! JSON Schema: drafts 4, 6, 7, 2019-09 and 2020-12, for JSON, YAML and TOML alike.
//!
//! The schema library does the evaluation; what is here decides where schemas come from (the repository, nothing else),
//! what they may cost, and how violations are told. Read first: [`Compiled`], then [`closure`] for references and
//! [`explain`] for words.

mod cache;
mod catalog;
mod check;
mod closure;
mod compatibility;
mod compiled;
mod expansion;
mod explain;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inspect;
mod loaded;
mod meter;
mod metered;
mod part;
mod parts;
mod published;
mod reference;
mod settings;
mod tree;
mod violation;

use cache::SchemaCache;
use catalog::Catalog;
pub(crate) use check::SchemaCheck;
use compiled::Compiled;
pub(crate) use files::{SchemaFile, SchemaFiles};
pub(crate) use inspect::on_workers;
pub(crate) use part::files_of;
pub(crate) use published::flagd;
pub use settings::SchemaSettings;
use tree::LandingTree;

#[cfg(test)]
mod tests;
