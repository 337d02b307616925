//! Reading and moving refs by Git's own lock protocol.
//!
//! Git takes a ref by creating `<ref>.lock`; whoever renames that file over the ref has moved it. Doing the same here,
//! instead of asking libgit2 or a child, is faster and leaves us in charge of when what is synced.

use crate::{
    ReadError,
    disk::{durable, write_kind},
};
use configbus_model::{CommitId, ErrorKind, ObjectId};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The head of a namespace.
pub(crate) const MAIN: &str = "refs/heads/main";
/// Where heads go that somebody else wrote and the gate did not pass.
pub(crate) const FOREIGN: &str = "refs/configbus/foreign";

/// Waits between attempts to take a lock, in milliseconds: half a second in all. Git itself gives up after 100 ms, so a
/// lock that stays longer belongs to a process that hangs or is dead.
const WAITS_MS: [u64; 7] = [1, 4, 15, 40, 90, 150, 200];

/// Why the head did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveHeadError {
    /// Somebody else moved it.
    #[error("head is {}, expected {}", shown(*actual), shown(*expected))]
    HeadMoved {
        /// What the caller took for the head.
        expected: Option<CommitId>,
        /// What the ref says.
        actual: Option<CommitId>,
    },
    /// The new head would take the old one off the first-parent chain.
    #[error("{new} does not have {expected} on its first-parent chain")]
    NotDescendant {
        /// The head.
        expected: CommitId,
        /// What should have become it.
        new: CommitId,
    },
    /// Another Git process holds the ref's lock.
    #[error("{path} is locked by another Git process")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The disk fails.
    #[error("failed to write {path}")]
    Write {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// History cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl MoveHeadError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::HeadMoved { .. } => ErrorKind::Conflict,
            Self::NotDescendant { .. } => ErrorKind::Invalid,
            Self::Locked { .. } => ErrorKind::Unavailable,
            Self::Write { source, .. } => write_kind(source),
            Self::Read(error) => error.kind(),
        }
    }
}

fn shown(id: Option<CommitId>) -> String {
    id.map_or_else(|| "absent".to_owned(), |id| id.to_string())
}

/// Reads a ref, loose or packed. Symbolic refs are no heads.
pub(crate) fn read(repository: &Path, name: &str) -> Result<Option<CommitId>, ReadError> {
    let path = repository.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => parse(text.trim_end()).map(Some).map_err(|source| ReadError::Io { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => read_packed(repository, name),
        Err(source) => Err(ReadError::Io { path, source }),
    }
}

fn read_packed(repository: &Path, name: &str) -> Result<Option<CommitId>, ReadError> {
    let path = repository.join("packed-refs");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ReadError::Io { path, source }),
    };
    let id = text.lines().filter_map(|line| line.split_once(' ')).find(|(_, packed)| *packed == name);
    id.map(|(id, _)| parse(id)).transpose().map_err(|source| ReadError::Io { path, source })
}

fn parse(text: &str) -> io::Result<CommitId> {
    text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A ref nobody else can move meanwhile. Dropped, it is as it was.
pub(crate) struct RefLock {
    repository: PathBuf,
    name: String,
    lock: Option<File>,
}

impl RefLock {
    /// Takes the lock, waiting a little for others.
    pub(crate) fn acquire(repository: &Path, name: &str) -> Result<Self, MoveHeadError> {
        let path = lock_path(repository, name);
        let failed = |source| MoveHeadError::Write { path: path.clone(), source };
        durable::create_dirs(durable::parent(&path)).map_err(failed)?;
        for wait_ms in WAITS_MS.into_iter().map(Some).chain([None]) {
            match (OpenOptions::new().write(true).create_new(true).open(&path), wait_ms) {
                (Ok(file), _) => {
                    return Ok(Self { repository: repository.to_owned(), name: name.to_owned(), lock: Some(file) });
                }
                (Err(error), Some(wait_ms)) if error.kind() == io::ErrorKind::AlreadyExists => {
                    thread::sleep(Duration::from_millis(wait_ms));
                }
                (Err(error), None) if error.kind() == io::ErrorKind::AlreadyExists => break,
                (Err(error), _) => return Err(failed(error)),
            }
        }
        Err(MoveHeadError::Locked { path })
    }

    /// Fails if the ref is not where the caller believes it to be.
    pub(crate) fn expect(&self, expected: Option<CommitId>) -> Result<(), MoveHeadError> {
        let actual = read(&self.repository, &self.name)?;
        if actual == expected { Ok(()) } else { Err(MoveHeadError::HeadMoved { expected, actual }) }
    }

    /// Writes where the ref is to go, without syncing it and without moving anything.
    pub(crate) fn write(&mut self, new: ObjectId) -> Result<(), MoveHeadError> {
        let Some(file) = &mut self.lock else { return Ok(()) };
        let path = || lock_path(&self.repository, &self.name);
        writeln!(file, "{new}").map_err(|source| MoveHeadError::Write { path: path(), source })
    }

    /// Returns what has to be synced before the ref moves.
    pub(crate) fn file(&self) -> Option<&File> {
        self.lock.as_ref()
    }

    /// Moves the ref to what was written, without syncing its name.
    pub(crate) fn rename(mut self) -> Result<(), MoveHeadError> {
        let (path, target) = (lock_path(&self.repository, &self.name), self.repository.join(&self.name));
        fs::rename(&path, &target).map_err(|source| MoveHeadError::Write { path, source })?;
        self.lock = None;
        Ok(())
    }

    /// Moves the ref to what was written and synced: renamed, directory synced.
    pub(crate) fn publish(self) -> Result<(), MoveHeadError> {
        let target = self.repository.join(&self.name);
        self.rename()?;
        durable::sync_dir(durable::parent(&target)).map_err(|source| MoveHeadError::Write { path: target, source })
    }

    /// Moves the ref.
    pub(crate) fn commit(mut self, new: ObjectId) -> Result<(), MoveHeadError> {
        self.write(new)?;
        let failed = |source| MoveHeadError::Write { path: lock_path(&self.repository, &self.name), source };
        self.file().map_or(Ok(()), File::sync_all).map_err(failed)?;
        self.publish()
    }

    /// Removes a loose ref.
    pub(crate) fn delete(self) -> Result<(), MoveHeadError> {
        let path = self.repository.join(&self.name);
        let removed = fs::remove_file(&path).and_then(|()| durable::sync_dir(durable::parent(&path)));
        removed.map_err(|source| MoveHeadError::Write { path, source })
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // A lock that stays is found and removed at the next start.
            let _ = fs::remove_file(lock_path(&self.repository, &self.name));
        }
    }
}

fn lock_path(repository: &Path, name: &str) -> PathBuf {
    durable::beside(&repository.join(name), "lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(number: u8) -> CommitId {
        CommitId::from_bytes([number; 20])
    }

    #[test]
    fn a_ref_moves_only_from_where_it_is_expected() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RefLock::acquire(dir.path(), MAIN).unwrap();
        lock.expect(None).unwrap();
        lock.commit(commit(1).into()).unwrap();
        assert_eq!(read(dir.path(), MAIN).unwrap(), Some(commit(1)));
        let lock = RefLock::acquire(dir.path(), MAIN).unwrap();
        let error = lock.expect(Some(commit(2))).unwrap_err();
        assert!(matches!(error, MoveHeadError::HeadMoved { actual, .. } if actual == Some(commit(1))), "{error}");
        drop(lock);
        assert!(!dir.path().join("refs/heads/main.lock").exists());
        RefLock::acquire(dir.path(), MAIN).unwrap().delete().unwrap();
        assert_eq!(read(dir.path(), MAIN).unwrap(), None);
    }

    #[test]
    fn a_packed_ref_is_read_and_a_loose_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{} refs/heads/main\n", commit(3));
        fs::write(dir.path().join("packed-refs"), packed).unwrap();
        assert_eq!(read(dir.path(), MAIN).unwrap(), Some(commit(3)));
        RefLock::acquire(dir.path(), MAIN).unwrap().commit(commit(4).into()).unwrap();
        assert_eq!(read(dir.path(), MAIN).unwrap(), Some(commit(4)));
    }

    #[test]
    fn a_lock_that_stays_is_reported_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RefLock::acquire(dir.path(), MAIN).unwrap();
        assert!(matches!(RefLock::acquire(dir.path(), MAIN), Err(MoveHeadError::Locked { .. })));
        lock.commit(commit(5).into()).unwrap();
    }
}
