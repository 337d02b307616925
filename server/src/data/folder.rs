//! Taking a data folder over: lock it, know its format, clear what a killed predecessor left.

use super::epochs::Epochs;
use super::{hook_folder, predecessor, record};
use configbus_gitstore::FolderLock;
use configbus_model::{Epoch, ErrorKind, Namespace};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be created, read or written.
    #[error("cannot use the data folder {path}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server holds it, or the lock cannot be had.
    #[error("cannot lock the data folder {path}")]
    Lock {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: configbus_gitstore::LockError,
    },
    /// It was written by another release.
    #[error("the data folder {path} has format {found}, this release reads {expected}")]
    Format {
        /// The folder.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What is expected.
        expected: u32,
    },
}

impl DataError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Internal,
            Self::Lock { source, .. } => source.kind(),
            Self::Format { .. } => ErrorKind::Unsupported,
        }
    }
}

/// A data folder that this process alone uses.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    record: record::Record,
    epochs: Mutex<Epochs>,
    hook_socket: PathBuf,
    lock: FolderLock,
}

impl DataFolder {
    /// Locks the folder, creating it when missing, and makes it as a clean stop would have left it.
    pub(crate) fn take_over(path: &Path, hook_program: &Path) -> Result<Self, DataError> {
        let failed = |source| DataError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path.join("namespaces")).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let failed = |source| DataError::Io { path: path.clone(), source };
        let lock = FolderLock::acquire(&path.join("server.lock"))
            .map_err(|source| DataError::Lock { path: path.clone(), source })?;
        let record = record::Record::read_or_create(&path).map_err(failed)?;
        if record.format != record::FORMAT {
            return Err(DataError::Format { path, found: record.format, expected: record::FORMAT });
        }
        let epochs = Mutex::new(Epochs::read(&path).map_err(failed)?);
        let ended = predecessor::end_leftover_children(&path);
        if ended > 0 {
            tracing::warn!(count = ended, "ended processes that a killed server left running");
        }
        hook_folder::write_hooks(&path.join("hooks"), hook_program).map_err(failed)?;
        let hook_socket = hook_folder::prepare_socket(&path.join("run")).map_err(failed)?;
        Ok(Self { record, epochs, hook_socket, lock, path })
    }

    /// Returns the folder, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the proof that no other process works on the folder.
    pub(crate) fn lock(&self) -> &FolderLock {
        &self.lock
    }

    /// Returns the generation of a namespace's history.
    pub(crate) fn epoch_of(&self, namespace: &Namespace) -> Epoch {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).of(namespace, self.record.epoch)
    }

    /// Returns the namespaces that have a repository here. What else is in the folder is left alone.
    pub(crate) fn found_namespaces(&self) -> Result<BTreeSet<Namespace>, DataError> {
        let folder = self.path.join("namespaces");
        let failed = |source| DataError::Io { path: folder.clone(), source };
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".git"));
            found.extend(name.and_then(|name| Namespace::parse(name).ok()));
        }
        Ok(found)
    }

    /// Moves what there is of a namespace that nobody serves any more out of the way and gives its name up, durably.
    /// Returns where it is then.
    pub(crate) fn set_aside(&self, namespace: &Namespace) -> Result<PathBuf, DataError> {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = epochs.of(namespace, self.record.epoch);
        let aside = self.path.join("deleted").join(format!("{namespace}-e{epoch}"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DataError::Io { path, source }
        };
        fs::create_dir_all(&aside).map_err(failed(&aside))?;
        // First, so that a kill in between cannot leave a new namespace with the epoch of this one.
        epochs.give_up(namespace, &self.path).map_err(failed(&self.path))?;
        let (repository, requests) = (self.repository(namespace), self.requests(namespace));
        let kept = aside.join("repository.git");
        fs::rename(&repository, &kept).map_err(failed(&repository))?;
        match fs::rename(&requests, aside.join("requests.jsonl")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&requests)(error)),
            _ => {}
        }
        for folder in [&aside, &self.path.join("deleted"), &self.path.join("namespaces"), &self.path] {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))?;
        }
        Ok(kept)
    }

    /// Returns what tells it from every other folder.
    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    /// Returns where the hooks are.
    pub(crate) fn hooks(&self) -> PathBuf {
        self.path.join("hooks")
    }

    /// Returns where hooks of this start call back.
    pub(crate) fn hook_socket(&self) -> &Path {
        &self.hook_socket
    }

    /// Returns the log of requests of a namespace that found everything there already.
    pub(crate) fn requests(&self, namespace: &Namespace) -> PathBuf {
        self.path.join(format!("requests-{namespace}.jsonl"))
    }

    /// Returns the repository of a namespace.
    pub(crate) fn repository(&self, namespace: &Namespace) -> PathBuf {
        self.path.join("namespaces").join(format!("{namespace}.git"))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.hook_socket);
        if let Some(folder) = self.hook_socket.parent().filter(|folder| !folder.starts_with(&self.path)) {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_one_folder_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let program = Path::new("/bin/true");
        let first = DataFolder::take_over(data.path(), program).unwrap();
        assert!(matches!(DataFolder::take_over(data.path(), program), Err(DataError::Lock { .. })));
        drop(first);
        DataFolder::take_over(data.path(), program).unwrap();
    }

    #[test]
    fn a_folder_of_a_later_release_is_refused() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("server.json"), r#"{"format": 2, "epoch": 1, "id": "x"}"#).unwrap();
        let error = DataFolder::take_over(data.path(), Path::new("/bin/true")).unwrap_err();
        assert!(error.to_string().contains("has format 2"), "{error}");
    }
}
