//! Git, and nothing else: reading trees, comparing them, landing changes so that they survive a power cut, following
//! another repository.
//!
//! Everything here is synchronous; callers run it on a bounded pool. The crate knows no network protocol but Git's, no
//! policy and no coordination: what may land is decided by the gate, when is decided by the committer.
//!
//! Read first: [`Store`] (one namespace's repository), [`CandidateView`] (a push before it is accepted) and [`Mirror`].

pub mod advertisement;
mod candidate;
mod disk;
mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod geometry;
pub mod git;
mod history_index;
mod land;
mod mirror;
mod pack_between;
pub mod pkt_line;
mod read;
mod storage;
mod store;
#[cfg(test)]
mod testing;
mod upkeep;

pub use candidate::{CandidateView, NewContent, NewObject, Quarantine, RawEntry, Trial, raw_entries};
pub use disk::{FolderLock, LeftoversError, LockError, MoveHeadError, RepositorySettings};
pub use extract::{ExtractError, ExtractProgress, Extraction};
pub use land::{
    BATCH_COMMITS_MAX, Batch, BatchError, ConflictKind, Culprit, EditError, EditLanding, ForeignError, ForeignWrite,
    LandError, PathConflict, PushLanding, StagedEdits, StagedFile, TreeChange, TreeEdit,
};
pub use mirror::{FetchAuth, FetchTls, Mirror, MirrorError, Upstream};
pub use pack_between::PackError;
pub use read::{
    Blame, BlameSpan, CHANGED_FILES_MAX, Commit, CommitMeta, ListQuery, Listing, LogEntry, LogPage, NamedCommit,
    ObjectKind, Patch, Person, ReadError, TREE_FILES_MAX,
};
pub use storage::Storage;
pub use store::{HeadCommit, OpenError, Store};
pub use upkeep::{Upkeep, UpkeepError};
