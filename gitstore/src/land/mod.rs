//! Landing: applying edits, merging pushes, making the result durable, moving the head.

pub(crate) mod ancestry;
pub(crate) mod conflict;
pub(crate) mod edit;
mod foreign;
mod landing;
pub(crate) mod merge;
mod moving;
pub(crate) mod trial;

pub use conflict::{ConflictKind, Culprit, PathConflict};
pub use edit::{EditError, StagedEdits, TreeChange, TreeEdit};
pub use foreign::{ForeignError, ForeignWrite};
pub use landing::{EditLanding, LandError, PushLanding};
