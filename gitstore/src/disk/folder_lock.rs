//! One process per folder.
//!
//! `flock` rather than a file that exists: the kernel lets go when the process ends, however it ends.

use configbus_model::ErrorKind;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// Why a folder cannot be had exclusively.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else works on it.
    #[error("{path} is held by another process{}", holder.map(|pid| format!(" ({pid})")).unwrap_or_default())]
    AlreadyHeld {
        /// The lock file.
        path: PathBuf,
        /// Its process id, as far as it said.
        holder: Option<u32>,
    },
    /// The lock file cannot be made.
    #[error("failed to lock {path}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl LockError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyHeld { .. } => ErrorKind::Unavailable,
            Self::Io { .. } => ErrorKind::Internal,
        }
    }
}

/// Held until dropped or until the process ends. The file stays: removing it would let two processes lock two files
/// of the same name.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    file: File,
}

impl FolderLock {
    /// Locks the file at `path`, which is created if need be, or says who holds it.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::AlreadyHeld { path: path.to_owned(), holder: read_holder(&mut file) });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        write_holder(&mut file).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Returns the lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Said rather than left to the last close: a child that this process is just forking has the file open too,
        // until it executes its program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_learns_who_is_first_and_succeeds_once_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.lock");
        let first = FolderLock::acquire(&path).unwrap();
        let error = FolderLock::acquire(&path).unwrap_err();
        let expected = std::process::id();
        assert!(matches!(error, LockError::AlreadyHeld { holder: Some(pid), .. } if pid == expected), "{error}");
        drop(first);
        FolderLock::acquire(&path).unwrap();
    }

    #[test]
    fn a_child_that_inherited_the_file_does_not_keep_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.lock");
        let first = FolderLock::acquire(&path).unwrap();
        let inherited = first.file.try_clone().unwrap();
        drop(first);
        FolderLock::acquire(&path).unwrap();
        drop(inherited);
    }
}
