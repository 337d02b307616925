//! A root together with the file system that alters it. Errors say what was being done and to which path.

use super::{DiskError, Durable, FileSystem, RealFileSystem};
use crate::Root;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Changes more new files and directories than this are made durable by one `syncfs` instead of one `fsync` each.
/// Below it a `syncfs` costs more, because it waits for what other programs wrote.
pub(crate) const SINGLE_SYNCS_MAX: usize = 64;

/// The root on its disk.
#[derive(Debug, Clone)]
pub(crate) struct RootDisk {
    pub(crate) root: Root,
    file_system: Arc<dyn FileSystem>,
    names: Arc<AtomicU64>,
}

type Done = Result<(), DiskError>;

impl RootDisk {
    pub(crate) fn new(root: Root) -> Self {
        Self::over(root, Arc::new(RealFileSystem))
    }

    /// Uses another file system than that of the operating system.
    pub(crate) fn over(root: Root, file_system: Arc<dyn FileSystem>) -> Self {
        // What an earlier life left in the trash is still there, so names must not start anew.
        Self { root, file_system, names: Arc::new(AtomicU64::new(fastrand::u64(..))) }
    }

    /// Returns a name in `tmp/` that nobody uses.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.tmp().join(self.fresh_name())
    }

    /// Returns a name for a copy that waits to become a view.
    pub(crate) fn standby(&self) -> PathBuf {
        self.root.standby().join(self.fresh_name())
    }

    /// Removes what unfinished deliveries made, except for what is still needed.
    pub(crate) fn clear_scratch(&self, needed: &HashSet<&PathBuf>) {
        let is_scratch = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() == 16 && u64::from_str_radix(name, 16).is_ok()
        };
        let left = names_in(&self.root.tmp()).unwrap_or_default();
        left.iter().filter(|path| is_scratch(path) && !needed.contains(path)).for_each(|path| self.remove_all(path));
    }

    fn fresh_name(&self) -> String {
        format!("{:016x}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates the folders of the root that are missing.
    pub(crate) fn create_folders(&self) -> Done {
        self.root.folders().iter().filter(|folder| !folder.is_dir()).try_for_each(|folder| self.create_dir(folder))
    }

    pub(crate) fn create_dir(&self, path: &Path) -> Done {
        self.file_system.create_dir(path).map_err(DiskError::at("create", path))
    }

    pub(crate) fn write_new(&self, path: &Path, content: &[u8], mode: u32, durable: Durable) -> Done {
        self.file_system.write_new(path, content, mode, durable).map_err(DiskError::at("write", path))
    }

    /// Gives a file one more name; the caller handles what went wrong.
    pub(crate) fn try_hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.file_system.hard_link(original, link)
    }

    pub(crate) fn symlink(&self, target: &Path, link: &Path) -> Done {
        self.file_system.symlink(target, link).map_err(DiskError::at("link", link))
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Done {
        self.file_system.rename(from, to).map_err(DiskError::at("rename to", to))
    }

    pub(crate) fn exchange(&self, one: &Path, other: &Path) -> Done {
        self.file_system.exchange(one, other).map_err(DiskError::at("exchange", other))
    }

    pub(crate) fn remove_file(&self, path: &Path) -> Done {
        self.file_system.remove_file(path).map_err(DiskError::at("remove", path))
    }

    pub(crate) fn sync_dir(&self, path: &Path) -> Done {
        self.file_system.sync_dir(path).map_err(DiskError::at("sync", path))
    }

    /// Makes directories durable, each by itself or all at once, whichever costs less.
    pub(crate) fn sync_dirs(&self, paths: &[PathBuf]) -> Done {
        if paths.len() > SINGLE_SYNCS_MAX {
            return self.sync_file_system();
        }
        paths.iter().try_for_each(|path| self.sync_dir(path))
    }

    pub(crate) fn sync_file_system(&self) -> Done {
        let path = self.root.path();
        self.file_system.sync_file_system(path).map_err(DiskError::at("sync the file system of", path))
    }

    /// Moves something into the trash. What is there is deleted later and never looked at.
    pub(crate) fn discard(&self, path: &Path) -> Done {
        self.rename(path, &self.root.trash().join(self.fresh_name()))
    }

    /// Replaces a file by one with this content, in one step for readers.
    pub(crate) fn replace(&self, path: &Path, content: &[u8], durable: Durable) -> Done {
        let scratch = self.scratch();
        let written = self.write_new(&scratch, content, 0o644, durable).and_then(|()| self.rename(&scratch, path));
        written.inspect_err(|_| self.remove_all(&scratch))
    }

    /// Removes a file or a directory with everything in it, as far as that is possible.
    pub(crate) fn remove_all(&self, path: &Path) {
        let mut budget = usize::MAX;
        if let Err(error) = self.remove_some(path, &mut budget) {
            tracing::debug!(%error, "left {path:?} behind");
        }
    }

    /// Removes as much of a file or directory as `budget` names allow; returns whether it is gone.
    pub(crate) fn remove_some(&self, path: &Path, budget: &mut usize) -> Result<bool, DiskError> {
        let Ok(metadata) = path.symlink_metadata() else { return Ok(true) };
        if *budget == 0 {
            return Ok(false);
        }
        *budget -= 1;
        if !metadata.is_dir() {
            return self.remove_file(path).map(|()| true);
        }
        for entry in fs::read_dir(path).map_err(DiskError::at("list", path))? {
            let entry = entry.map_err(DiskError::at("list", path))?;
            if !self.remove_some(&entry.path(), budget)? {
                return Ok(false);
            }
        }
        self.file_system.remove_dir(path).map(|()| true).map_err(DiskError::at("remove", path))
    }
}

/// Lists a folder that may have gone.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(DiskError::at("list", folder)),
    }
}
