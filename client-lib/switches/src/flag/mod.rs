//! Flags in flagd's format, unchanged: states, typed variants, targeting by JSONLogic, shared evaluators, metadata.

mod definition;
mod set;
#[cfg(test)]
mod tests;

pub use definition::Flag;
pub use set::FlagSet;
