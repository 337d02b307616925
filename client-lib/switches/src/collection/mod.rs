//! All flags and features that stand in one tree, by key.
//!
//! Programs, the agent and the command line ask this and nothing below it, so that a key means the same to all of them.

mod explain;
mod file;
mod flagd;
#[cfg(test)]
mod flagd_tests;
mod key;
mod lint;
#[cfg(test)]
mod lint_tests;
mod marks;
mod plan;
mod switches;
#[cfg(test)]
mod tests;

pub use file::SwitchFile;
pub use flagd::{FlagdSet, LeftOut};
pub use key::key_below;
pub use lint::Lint;
pub use switches::{Place, Switches};
