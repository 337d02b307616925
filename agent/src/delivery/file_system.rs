//! The changes the agent makes to a file system, one function each.
//!
//! Everything that alters a root goes through this seam, so that a test can let the disk fill up or the process die
//! between any two of them. Reading does not: what was read is verified anyway.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fmt::Debug,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Whether a new file has to be on the disk when the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Yes.
    Now,
    /// A later `sync_file_system` takes care of it.
    Later,
}

/// Mode of every directory that readers see.
pub(crate) const DIRECTORY_MODE: u32 = 0o755;

/// Alters a file system.
pub(crate) trait FileSystem: Debug + Send + Sync {
    /// Creates a directory that all may read.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Creates a file that must not exist.
    fn write_new(&self, path: &Path, content: &[u8], mode: u32, durable: Durable) -> io::Result<()>;
    /// Gives a file one more name.
    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()>;
    /// Creates a symlink.
    fn symlink(&self, target: &Path, link: &Path) -> io::Result<()>;
    /// Moves a name, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Swaps two names at once.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Removes a file or symlink.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes everything on the file system that holds `path` durable.
    fn sync_file_system(&self, path: &Path) -> io::Result<()>;
}

/// The one of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RealFileSystem;

impl FileSystem for RealFileSystem {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(DIRECTORY_MODE).create(path)?;
        // The process's umask may have taken bits away that readers of other users need.
        fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE))
    }

    fn write_new(&self, path: &Path, content: &[u8], mode: u32, durable: Durable) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        if durable == Durable::Now { file.sync_all() } else { Ok(()) }
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        fs::hard_link(original, link)
    }

    fn symlink(&self, target: &Path, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(path)?)?)
    }
}
