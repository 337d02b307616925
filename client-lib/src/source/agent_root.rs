//! The folder of an agent, as readers see it.
//!
//! A view is pinned by a shared lock on its open directory: it needs no write access, works through a read-only mount,
//! and ends with the process however that ends. The agent collects a view only while it holds the lock exclusively, so
//! a view that is locked and that `current` still names *after* locking is complete and stays.

use crate::{
    source::disk_files::{DiskFiles, Keeper, absent},
    source::liveness::{self, Status},
    source::view::{FolderId, View},
    source::{Newest, Source, SourceError},
};
use configbus_model::{AgentState, Namespace, ViewName, ViewRecord};
use rustix::{
    fd::OwnedFd,
    fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, open, openat, readlinkat, stat},
    io::Errno,
};
use serde::de::DeserializeOwned;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Flips that may come between reading `current` and locking what it names. Each attempt takes microseconds.
const PIN_ATTEMPTS_MAX: u32 = 1_000;

/// Largest record or state that is read.
const RECORD_BYTES_MAX: u64 = 4 * 1024 * 1024;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(crate) struct AgentRoot {
    path: PathBuf,
    current: PathBuf,
}

impl AgentRoot {
    pub(crate) fn new(path: PathBuf) -> Self {
        let current = path.join("current");
        Self { path, current }
    }

    /// Pins the view that `current` names.
    pub(crate) fn pin(&self) -> Result<View, SourceError> {
        for _ in 0..PIN_ATTEMPTS_MAX {
            if let Some(view) = self.try_pin()? {
                return Ok(view);
            }
            std::thread::yield_now();
        }
        Err(SourceError::Unsteady)
    }

    /// Returns `None` when a flip came in between.
    fn try_pin(&self) -> Result<Option<View>, SourceError> {
        // Through one descriptor of the root, so that view and record are neighbours even while the root is replaced.
        let root = absent(open(&self.path, FOLDER, Mode::empty()))?.ok_or(SourceError::NoView)?;
        let target = absent(readlinkat(&root, "current", Vec::new()))?.ok_or(SourceError::NoView)?;
        let Some(directory) = absent(openat(&root, "current", FOLDER, Mode::empty()))? else {
            return Err(SourceError::NoView);
        };
        let pinned = match flock(&directory, FlockOperation::NonBlockingLockShared) {
            Ok(()) => true,
            // The agent is about to collect it: `current` names another one by now.
            Err(Errno::WOULDBLOCK) => return Ok(None),
            // Some network file systems have no locks. Reading without a pin is better than not reading.
            Err(errno) => {
                tracing::warn!(root = %self.path.display(), %errno, "views cannot be pinned on this file system");
                false
            }
        };
        let folder = FolderId::of(&fstat(&directory).map_err(io::Error::from)?);
        if self.folder()? != Some(folder) {
            return Ok(None);
        }
        let name = Path::new(&*target.to_string_lossy()).file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Some(view_of(&root, directory, folder, &name.unwrap_or_default(), pinned)))
    }

    /// Returns the directory that `current` leads to now.
    fn folder(&self) -> io::Result<Option<FolderId>> {
        Ok(absent(stat(&self.current))?.map(|stat| FolderId::of(&stat)))
    }
}

impl Source for AgentRoot {
    fn newest(&self, held: Option<&View>) -> Result<Newest, SourceError> {
        match self.folder()? {
            None => Err(SourceError::NoView),
            now if held.is_some_and(|held| held.folder == now) => Ok(Newest::Held),
            Some(_) => self.pin().map(Newest::Flipped),
        }
    }

    fn status(&self, view: &View) -> Status {
        let state = open_record(CWD, &self.path.join("state.json")).unwrap_or_else(|error| {
            tracing::debug!(root = %self.path.display(), %error, "state.json cannot be read");
            AgentState::default()
        });
        liveness::judge(view.revision, &view.mounts, &state, liveness::now_ms())
    }

    fn agent(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

fn view_of(root: &OwnedFd, directory: OwnedFd, folder: FolderId, name: &str, pinned: bool) -> View {
    let record = open_record::<ViewRecord>(root, &Path::new("views").join(format!("{name}.json")));
    let mounts = record.map(|record| record.namespaces).unwrap_or_else(|error| {
        // Readers always have something: the files are whole even when what is said of them is lost.
        tracing::warn!(view = name, %error, "the record of view {name} cannot be read");
        Default::default()
    });
    let named = name.parse().map(|name: ViewName| name.revision()).unwrap_or_default();
    let revision = mounts.get(&Namespace::main()).map_or(named, |mount| mount.revision);
    let files = Box::new(DiskFiles::new(directory, Keeper::Agent));
    View { files, folder: Some(folder), revision, mounts, pinned }
}

fn open_record<T: DeserializeOwned>(at: impl rustix::fd::AsFd, path: &Path) -> io::Result<T> {
    let file = openat(at, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    File::from(file).take(RECORD_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
