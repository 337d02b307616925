//! The files of one view, wherever they are.

use crate::source::{file_identity::FileIdentity, view::FolderId};
use configbus_model::ConfigPath;
use std::{fmt::Debug, io};

/// Largest file that is read into memory; the bus carries none that is larger.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads the files of one view. On disk, or memory for users' tests.
pub(crate) trait Files: Debug + Send + Sync {
    /// Returns the identity of a file; `None` when nothing is there.
    fn identity(&self, path: &ConfigPath) -> io::Result<Option<FileIdentity>>;

    /// Returns identity and content of a file; `None` when nothing is there.
    fn read(&self, path: &ConfigPath) -> io::Result<Option<(FileIdentity, Vec<u8>)>>;

    /// Visits every file at or below `prefix`, in no order.
    fn walk(&self, prefix: &str, visitor: &mut dyn Visit) -> io::Result<()>;
}

/// Goes through directories.
pub(crate) trait Visit {
    /// Meets a file.
    fn file(&mut self, path: ConfigPath);

    /// Stands before a directory and says whether to go in.
    fn enters(&mut self, _directory: &ConfigPath, _id: FolderId) -> bool {
        true
    }
}

impl Visit for Vec<ConfigPath> {
    fn file(&mut self, path: ConfigPath) {
        self.push(path);
    }
}
