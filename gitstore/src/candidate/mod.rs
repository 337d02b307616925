//! Candidates: pushes in quarantine, staged edits and trial merges, read as if they had landed.

mod deliverable;
mod new_object;
pub(crate) mod new_objects;
mod quarantine;
mod view;

pub use new_object::{NewContent, NewObject, RawEntry, raw_entries};
pub use quarantine::Quarantine;
pub use view::{CandidateView, Trial};
