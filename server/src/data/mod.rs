//! The server's folder on disk: its lock, its record, and what a killed predecessor left in it.

mod epochs;
mod folder;
mod hook_folder;
mod predecessor;
mod record;

pub use folder::DataError;
pub(crate) use folder::DataFolder;
pub(crate) use predecessor::DATA_MARK;
