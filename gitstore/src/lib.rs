//! Git, and nothing else: reading trees, comparing them, landing changes so that they survive a power cut, following
//! another repository.
//!
//! Everything here is synchronous; callers run it on a bounded pool. The crate knows no network protocol but Git's, no
//! policy and no coordination: what may land is decided by the gate, when is decided by the committer.
//!
//! Read first: [`Store`] (one namespace's repository), [`CandidateView`] (a push before it is accepted) and [`Mirror`].

pub mod advertisement;
mod ancestry;
mod candidate;
mod changes;
mod commit;
mod conflict;
mod delta;
mod durable;
mod edit;
mod folder_lock;
mod foreign;
mod geometry;
pub mod git;
mod handles;
mod hash;
mod land;
mod landings;
mod landings_table;
mod leftovers;
mod libgit2;
mod listing;
mod log;
mod merge;
mod mirror;
mod moving;
mod new_object;
mod new_objects;
mod objects;
mod pack;
mod pack_between;
mod patch;
pub mod pkt_line;
mod quarantine;
mod read_error;
mod reading;
mod refs;
mod repository;
mod settings;
mod store;
#[cfg(test)]
mod testing;
mod tree_diff;
mod tree_lookup;
mod trial;
mod upkeep;
mod verify;
mod write_kind;

pub use candidate::{CandidateView, Trial};
pub use commit::{Commit, CommitMeta, Person};
pub use conflict::{ConflictKind, Culprit, PathConflict};
pub use edit::{EditError, StagedEdits, TreeChange, TreeEdit};
pub use folder_lock::{FolderLock, LockError};
pub use foreign::{ForeignError, ForeignWrite};
pub use land::{EditLanding, LandError, PushLanding};
pub use leftovers::LeftoversError;
pub use listing::{ListQuery, Listing};
pub use log::{LogEntry, LogPage};
pub use mirror::{FetchAuth, Mirror, MirrorError, Upstream};
pub use new_object::{NewContent, NewObject, RawEntry, raw_entries};
pub use objects::ObjectKind;
pub use pack_between::PackError;
pub use patch::Patch;
pub use quarantine::Quarantine;
pub use read_error::ReadError;
pub use refs::MoveHeadError;
pub use settings::RepositorySettings;
pub use store::{HeadCommit, OpenError, Store};
pub use upkeep::{Upkeep, UpkeepError};
pub(crate) use write_kind::write_kind;
