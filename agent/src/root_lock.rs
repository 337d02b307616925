//! One agent per root.

use crate::Root;
use configbus_model::ErrorKind;
use rustix::fs::{FlockOperation, flock};
use std::{fs::File, io, path::PathBuf};

/// The root cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum RootLockError {
    /// Another agent holds it.
    #[error("{root:?} belongs to another agent that is running (it holds agent.lock); give each agent its own root")]
    Held {
        /// The folder.
        root: PathBuf,
    },
    /// The folder or the lock file cannot be opened.
    #[error("failed to open the root {root:?}")]
    Open {
        /// The folder.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RootLockError {
    /// Returns the kind of failure: whatever it is, somebody else stands in the way for now.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// Holds `agent.lock`; the lock ends with this value or with the process, whichever is first.
#[derive(Debug)]
pub(crate) struct RootLock {
    file: File,
}

impl RootLock {
    /// Creates the root if need be and takes its lock.
    pub(crate) fn acquire(root: &Root) -> Result<Self, RootLockError> {
        let opened = |source| RootLockError::Open { root: root.path().to_owned(), source };
        std::fs::create_dir_all(root.path()).map_err(opened)?;
        let file = File::options().create(true).truncate(false).write(true).open(root.lock()).map_err(opened)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(RootLockError::Held { root: root.path().to_owned() }),
            Err(errno) => Err(opened(errno.into())),
        }
    }
}

impl Drop for RootLock {
    fn drop(&mut self) {
        // Said rather than left to the last close: a child that this process is just forking has the file open too,
        // until it executes its program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_on_one_root_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path().join("host-1"));
        let first = RootLock::acquire(&root).unwrap();
        let refused = RootLock::acquire(&root).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(refused.to_string().contains("belongs to another agent"), "{refused}");
        drop(first);
        RootLock::acquire(&root).unwrap();
    }

    #[test]
    fn a_child_that_inherited_the_file_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path().join("host-1"));
        let first = RootLock::acquire(&root).unwrap();
        let inherited = first.file.try_clone().unwrap();
        drop(first);
        RootLock::acquire(&root).unwrap();
        drop(inherited);
    }
}
