//! A repository's files: how it is made and opened, and what is written in which order.

pub(crate) mod durable;
mod folder_lock;
pub(crate) mod handles;
pub(crate) mod hash;
pub(crate) mod journal;
pub(crate) mod landings;
mod landings_table;
pub(crate) mod leftovers;
pub(crate) mod libgit2;
pub(crate) mod names;
pub(crate) mod pack;
pub(crate) mod refs;
pub(crate) mod repository;
mod settings;
mod write_kind;

pub use folder_lock::{FolderLock, LockError};
pub use leftovers::LeftoversError;
pub use refs::MoveHeadError;
pub use settings::RepositorySettings;
pub(crate) use write_kind::write_kind;
