//! The gate: what may enter a namespace.
//!
//! One engine holds every [`Candidate`] to the rules, be it a push in quarantine, the edits of an API call or
//! somebody's working copy, and says everything that is wrong at once. It knows no socket, no clock and no policy of who may
//! write; those are the server's. The hook programs that Git runs are here as well ([`entry`]): they carry Git's
//! questions to the server, which asks the gate.
//!
//! Read first: [`Gate`], [`Candidate`], [`Report`]; for the hooks [`wire`].

mod candidate;
pub mod cel;
mod check;
mod context;
mod document;
pub mod entry;
pub mod evaluator;
mod finding;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
mod git_candidate;
mod glob;
mod inspection;
mod mounting;
mod ownership;
mod policy;
mod push_options;
mod recheck;
mod reference;
mod render;
mod report;
mod rule;
mod rules;
mod schema;
mod secrets;
mod settings;
mod shape;
mod switches;
mod syntax;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod validators;
pub mod wire;
mod working_copy;

pub use candidate::{
    Candidate, CandidateError, FileChange, FileState, FoundFile, LandingFile, NewObject, PolicyIds, RawEntry,
};
pub use context::{Context, Mounts};
pub use evaluator::RulesSettings;
pub use finding::{Excerpt, Finding};
pub use gate::{Gate, Progress};
pub use git_candidate::GitCandidate;
pub use glob::{GlobError, PathGlob};
pub use policy::{
    PolicySettings,
    part::{DIFFERENCES_LISTED_MAX, Part, PartOutcome, PartPolicy, Untranslatable, VerdictDifference},
};
pub use push_options::{PushOptionError, PushOptions};
pub use recheck::Recheck;
pub use reference::ReferenceKind;
pub use render::{Colour, Style};
pub use report::{FINDINGS_LISTED_MAX, Report};
pub use rule::Rule;
pub use schema::SchemaSettings;
pub use settings::GateSettings;
pub use shape::path_refusal;
pub use syntax::YamlSettings;
pub use validators::{ValidatorSettings, ValidatorSettingsError};
pub use working_copy::WorkingCopyError;
