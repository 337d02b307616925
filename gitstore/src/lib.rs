//! Git, and nothing else: reading trees, comparing them, landing changes so that they survive a power cut, following
//! another repository.
//!
//! Everything here is synchronous; callers run it on a bounded pool. The crate knows no network protocol but Git's, no
//! policy and no coordination: what may land is decided by the gate, when is decided by the committer.
//!
//! Read first: [`Store`] (one namespace's repository), [`CandidateView`] (a push before it is accepted) and [`Mirror`].

pub mod advertisement;
mod candidate;
mod commit;
mod conflict;
mod edit;
mod folder_lock;
mod foreign;
pub mod git;
mod land;
mod listing;
mod log;
mod mirror;
mod new_object;
mod objects;
mod pack_between;
mod patch;
pub mod pkt_line;
mod quarantine;
mod refs;
mod settings;
mod store;
mod upkeep;

pub use candidate::{CandidateView, Trial};
pub use commit::{Commit, CommitMeta, Person};
pub use conflict::{ConflictKind, Culprit, PathConflict};
pub use edit::{EditError, StagedEdits, TreeChange, TreeEdit};
pub use folder_lock::{FolderLock, LockError};
pub use foreign::{ForeignError, ForeignWrite};
pub use land::{EditLanding, LandError, PushLanding};
pub use listing::{ListQuery, Listing};
pub use log::{LogEntry, LogPage};
pub use mirror::{FetchAuth, Mirror, MirrorError, Upstream};
pub use new_object::{NewContent, NewObject};
pub use objects::{ObjectKind, ReadError};
pub use pack_between::PackError;
pub use patch::Patch;
pub use quarantine::Quarantine;
pub use refs::MoveHeadError;
pub use settings::RepositorySettings;
pub use store::{HeadCommit, OpenError, Store};
pub use upkeep::{Upkeep, UpkeepError};
