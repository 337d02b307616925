//! Reading: objects, trees side by side, and what is told of them (files, listings, history, differences, deltas).

mod blame;
pub(crate) mod changes;
pub(crate) mod commit;
mod delta;
mod listing;
mod log;
pub(crate) mod objects;
mod patch;
pub(crate) mod path_count;
mod path_history;
mod point;
mod read_error;
mod reading;
pub(crate) mod tree_diff;
pub(crate) mod tree_lookup;
pub(crate) mod verify;

pub use blame::{Blame, BlameSpan};
pub use changes::{CHANGED_FILES_MAX, TREE_FILES_MAX};
pub use commit::{Commit, CommitMeta, Person};
pub use listing::{ListQuery, Listing};
pub use log::{LogEntry, LogPage};
pub use objects::ObjectKind;
pub use patch::Patch;
pub use point::NamedCommit;
pub use read_error::ReadError;
