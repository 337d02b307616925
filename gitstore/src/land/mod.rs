//! Landing: applying edits, merging pushes, making the result durable, moving the head.

pub(crate) mod ancestry;
pub(crate) mod batch;
mod checkpoint;
pub(crate) mod conflict;
pub(crate) mod edit;
mod foreign;
mod landing;
pub(crate) mod merge;
mod moving;
pub(crate) mod trial;
mod without;

pub use batch::{BATCH_COMMITS_MAX, Batch, BatchError};
pub use conflict::{ConflictKind, Culprit, PathConflict};
pub use edit::{EditError, StagedEdits, StagedFile, TreeChange, TreeEdit};
pub use foreign::{ForeignError, ForeignWrite};
pub use landing::{EditLanding, LandError, PushLanding};
