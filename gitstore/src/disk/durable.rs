//! Making files survive a power cut.
//!
//! A file is durable once its content and the directory that names it are synced, in this order. Git syncs content at
//! best, libgit2 nothing unless told otherwise, neither of them directories: so this crate does it itself.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

/// Syncs the names in a directory.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Syncs a file's content.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Syncs files that are written, all at once: a disk that has several to sync takes little longer than for one, and whoever
/// syncs them one by one waits for it as often.
pub(crate) fn sync_together(files: &[&File]) -> io::Result<()> {
    let Some((own, others)) = files.split_first() else { return Ok(()) };
    thread::scope(|scope| {
        let start = |file| thread::Builder::new().name("sync".into()).spawn_scoped(scope, move || File::sync_all(file));
        let started: Vec<_> = others.iter().map(|file| (file, start(*file))).collect();
        let own = own.sync_all();
        let others = started.into_iter().map(|(file, syncing)| match syncing {
            Ok(syncing) => syncing.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // There is no thread to be had.
            Err(_) => file.sync_all(),
        });
        // Every one is waited for, also when one fails.
        others.fold(own, Result::and)
    })
}

/// Writes a file that must not exist and that nobody changes, and leaves syncing to the caller.
pub(crate) fn create_new(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)?;
    file.write_all(content)?;
    Ok(file)
}

/// Writes a file that must not exist, and syncs its content but not its name.
pub(crate) fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Replaces a file as a whole, durably.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path, "tmp");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&beside, content, 0o644)?;
    fs::rename(&beside, path)?;
    sync_dir(parent(path))
}

/// Makes a directory and those above it, and syncs the names of those that were missing.
pub(crate) fn create_dirs(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dirs(parent(dir))?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_dir(parent(dir)),
    }
}

/// Syncs every file and directory below, the directory itself last.
pub(crate) fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => sync_tree(&entry.path())?,
            kind if kind.is_file() => sync_file(&entry.path())?,
            _ => {}
        }
    }
    sync_dir(dir)
}

/// Returns the path with a suffix on its last component.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// Returns the directory that names a path.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests;
