//! Programs of an installation that have a say: they get a candidate as a directory and answer by their exit status.
//!
//! They are trusted to be benign and not to be right: one that crashes, hangs, floods or leaves children behind refuses the
//! candidate and stops nobody else. Each runs below a supervisor, which is this very program under another name, because
//! only a process of its own can be cut off from the network and have every descendant for itself; the server's threads
//! cannot. What a validator is not kept from is what its user may read on the machine.
//!
//! Read first: `Validators`, [`ValidatorSettings`], and the module `supervisor`.

mod answer;
mod capture;
mod isolation;
mod manifest;
mod run;
mod settings;
mod spec;
pub(crate) mod supervisor;
mod turns;
mod workspace;

pub(crate) use run::Validators;
pub use settings::{Isolation, Scope, ValidatorSettings, ValidatorSettingsError};

/// Name under which the program supervises one run of a validator.
pub const PROGRAM_NAME: &str = "configbus-validator";
