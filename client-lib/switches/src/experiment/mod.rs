//! Experiments: who gets which variant, so that variants can be compared.
//!
//! Ranges, not weights: each variant has ranges of buckets, so one grows into what is free and moves nobody else. What keeps
//! experiments apart is written beside them, in one file of layers and holdouts: experiments of one layer have ranges of it
//! that do not overlap, and whoever stands in a holdout is in none that names it. Buckets of experiments, layers and holdouts
//! are independent of each other, as each has a salt of its own.
//!
//! A decision is a chain, in this order: turned off, dates, overrides, targeting, holdouts, layer, ranges. The first link is
//! the cheapest and depends on nothing, so that an experiment can be stopped whatever else is wrong with it.

mod chain;
mod exposure;
mod file;
mod layers;
mod lint;
mod range;
mod set;
mod step;
#[cfg(test)]
mod tests;
mod variant;

pub use chain::{Assignment, Cause, Experiment};
pub use exposure::ExposureFilter;
pub use file::ExperimentFile;
pub use layers::{LAYERS_KEY, LayersFile};
pub use lint::lints;
pub use range::Bucket;
pub use set::{Composition, ExperimentDocument, ExperimentSet};
pub use step::Step;
pub use variant::Variant;
