//! What a split has on the disk while it is under way, and what a start after a crash makes of it.
//!
//! `DATA/splits/NAME.git` is the copy in the making. `DATA/splits/NAME.json` says that the copy is about to get its place among
//! the namespaces; it is there before the copy moves, and goes when `main` has mounted it. So a namespace of which there is a
//! note belongs to the bus if `main` says so, and is nobody's otherwise.

use crate::data::DataFolder;
use crate::namespace::{MountsError, mounts_at};
use configbus_gitstore::{OpenError, Store};
use configbus_model::{ConfigPath, ErrorKind, MountTable, Namespace};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why splits that were under way cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    /// The disk fails, or a note is damaged.
    #[error("failed to settle an unfinished split at {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// `main` cannot be opened.
    #[error("failed to settle an unfinished split")]
    Open(#[from] OpenError),
    /// What is mounted where cannot be read.
    #[error("failed to settle an unfinished split")]
    Mounts(#[from] MountsError),
}

impl PendingError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Internal,
            Self::Open(error) => error.kind(),
            Self::Mounts(error) => error.kind(),
        }
    }
}

/// The note: where the namespace is going to be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    namespace: Namespace,
    prefix: ConfigPath,
}

/// A split on the disk.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    folder: PathBuf,
    repository: PathBuf,
    note: Note,
}

impl Pending {
    /// Makes room for a copy; what an earlier attempt left goes.
    pub(super) fn begin(data: &DataFolder, namespace: &Namespace, prefix: &ConfigPath) -> io::Result<Self> {
        let folder = data.path().join("splits");
        fs::create_dir_all(&folder)?;
        sync(data.path())?;
        let note = Note { namespace: namespace.clone(), prefix: prefix.clone() };
        let pending = Self { folder, repository: data.repository(namespace), note };
        remove_dir(&pending.copy())?;
        Ok(pending)
    }

    /// Returns where the copy is made.
    pub(super) fn copy(&self) -> PathBuf {
        self.folder.join(format!("{}.git", self.note.namespace))
    }

    fn note_path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.note.namespace))
    }

    /// Gives the copy its place among the namespaces.
    pub(super) fn publish(&self) -> io::Result<()> {
        if self.repository.exists() {
            let text = format!("{} exists already", self.repository.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let temporary = self.folder.join(format!("{}.tmp", self.note.namespace));
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(&self.note)?)?;
        file.sync_all()?;
        fs::rename(&temporary, self.note_path())?;
        sync(&self.folder)?;
        fs::rename(self.copy(), &self.repository)?;
        sync(&self.folder)?;
        sync(parent(&self.repository))
    }

    /// Forgets the split: the namespace is mounted.
    pub(super) fn finish(&self) -> io::Result<()> {
        fs::remove_file(self.note_path())?;
        sync(&self.folder)
    }

    /// Takes away a copy that has not got its place.
    pub(super) fn discard(&self) -> io::Result<()> {
        remove_dir(&self.copy())?;
        sync(&self.folder)
    }

    /// Takes everything away again: the namespace is not mounted, and nobody has ever seen it.
    pub(super) fn clear(&self) -> io::Result<()> {
        if self.note_path().exists() {
            remove_dir(&self.repository)?;
            sync(parent(&self.repository))?;
            fs::remove_file(self.note_path())?;
        }
        self.discard()
    }
}

/// Finishes or clears what a server that was killed was about to split. Nobody serves any namespace yet.
pub(crate) fn settle(data: &DataFolder) -> Result<(), PendingError> {
    let folder = data.path().join("splits");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PendingError::Io { path, source }
    };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(&folder))?,
    };
    for entry in entries {
        let path = entry.map_err(failed(&folder))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => settle_one(data, &folder, &path)?,
            Some("git") => remove_dir(&path).map_err(failed(&path))?,
            _ => fs::remove_file(&path).map_err(failed(&path))?,
        }
    }
    sync(&folder).map_err(failed(&folder))
}

fn settle_one(data: &DataFolder, folder: &Path, path: &Path) -> Result<(), PendingError> {
    let failed = |source| PendingError::Io { path: path.to_owned(), source };
    let note: Note = serde_json::from_slice(&fs::read(path).map_err(failed)?).map_err(|error| failed(error.into()))?;
    let main = Store::open(&data.repository(&Namespace::main()))?;
    let mounts = main.head().map_or(Ok(MountTable::default()), |head| mounts_at(&main, head.commit))?;
    let is_mounted = mounts.mount_of(&note.namespace).is_some_and(|mount| mount.prefix == note.prefix);
    let (namespace, prefix) = (note.namespace.clone(), note.prefix.clone());
    let pending = Pending { folder: folder.to_owned(), repository: data.repository(&namespace), note };
    if is_mounted {
        tracing::warn!(%namespace, "finished splitting {prefix} off into {namespace}, which a killed server had begun");
        return pending.finish().map_err(failed);
    }
    tracing::warn!(%namespace, "cleared what a killed server had begun to split off into {namespace}");
    pending.clear().map_err(failed)
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
