//! A new copy beside its place, and the step in which it takes the place.

use super::{error::PlaceError, owner::OwnerIds, rule::Deliver, source::Source};
use crate::delivery::DiskError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

/// How copies begin that have not taken their place. The rest is a number and the name, so that what looks at the end of
/// names takes it for what it is, and globs of configuration folders, which skip dots, do not find it.
const PREFIX: &str = ".configbus-";

/// A complete copy beside its place; removed unless it takes the place.
#[derive(Debug)]
pub(super) struct Staged {
    path: PathBuf,
    to: PathBuf,
    kind: &'static str,
    placed: bool,
}

impl Staged {
    /// Writes the copy, durably.
    pub(super) fn write(source: &Source, rule: &Deliver, owner: OwnerIds) -> Result<Self, PlaceError> {
        let folder = folder_of(&rule.to);
        if !folder.is_dir() {
            return Err(PlaceError::NoFolder { folder: folder.to_owned() });
        }
        let name = rule.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join(format!("{PREFIX}{:016x}.{name}", fastrand::u64(..)));
        let staged = Self { path, to: rule.to.clone(), kind: source.kind(), placed: false };
        staged.fill(source, rule, owner)?;
        Ok(staged)
    }

    fn fill(&self, source: &Source, rule: &Deliver, owner: OwnerIds) -> Result<(), PlaceError> {
        let Source::Directory(files) = source else {
            for file in source.files() {
                copy(&file.from, &self.path, rule.file_bits(file.executable), owner)?;
            }
            return Ok(());
        };
        let ancestors = |place: &PathBuf| place.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>();
        // Outer ones sort before those inside them.
        let mut folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| ancestors(&file.place)).collect();
        folders.insert(PathBuf::new());
        for folder in &folders {
            let path = self.path.join(folder);
            fs::DirBuilder::new().mode(0o700).create(&path).map_err(DiskError::at("create", &path))?;
        }
        for file in files {
            copy(&file.from, &self.path.join(&file.place), rule.file_bits(file.executable), owner)?;
        }
        for folder in folders.iter().rev() {
            let path = self.path.join(folder);
            finish_folder(&path, rule.directory_bits(), owner).map_err(DiskError::at("finish", &path))?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to replace what must not be lost. `ours` says that the bus put there what is there.
    pub(super) fn check_place(&self, ours: bool) -> Result<(), PlaceError> {
        let to = || self.to.clone();
        let Ok(there) = self.to.symlink_metadata() else { return Ok(()) };
        let there = if there.is_dir() { "directory" } else { "file" };
        if there != self.kind {
            return Err(PlaceError::OtherKind { to: to(), there, wanted: self.kind });
        }
        let is_empty = || fs::read_dir(&self.to).is_ok_and(|mut entries| entries.next().is_none());
        if there == "directory" && !ours && !is_empty() {
            return Err(PlaceError::NotOurs { to: to() });
        }
        Ok(())
    }

    /// Takes the place, in one step for whoever looks.
    pub(super) fn take_place(mut self) -> Result<(), PlaceError> {
        if self.to.is_dir() && self.kind == "directory" {
            let exchanged = renameat_with(CWD, &self.path, CWD, &self.to, RenameFlags::EXCHANGE);
            exchanged.map_err(io::Error::from).map_err(DiskError::at("exchange", &self.to))?;
            // What was there before is at the copy's path now, and goes with it.
        } else {
            fs::rename(&self.path, &self.to).map_err(DiskError::at("rename to", &self.to))?;
            self.placed = true;
        }
        let folder = folder_of(&self.to);
        sync(folder).map_err(DiskError::at("sync", folder))?;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            remove(&self.path);
        }
    }
}

/// Removes copies that an earlier life left beside a place.
pub(super) fn clear_leftovers(to: &Path) {
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ours = |entry: &fs::DirEntry| {
        let found = entry.file_name().to_string_lossy().into_owned();
        let rest = found.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'));
        rest.is_some_and(|(number, rest)| number.len() == 16 && rest == name)
    };
    let listed = fs::read_dir(folder_of(to)).into_iter().flatten().flatten();
    listed.filter(ours).for_each(|entry| remove(&entry.path()));
}

fn folder_of(to: &Path) -> &Path {
    to.parent().unwrap_or_else(|| Path::new("/"))
}

fn remove(path: &Path) {
    let removed = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "{} is left behind", path.display());
    }
}

fn copy(from: &Path, to: &Path, bits: u32, owner: OwnerIds) -> Result<(), PlaceError> {
    let content = fs::read(from).map_err(DiskError::at("read", from))?;
    let write = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
        file.write_all(&content)?;
        give(to, owner)?;
        file.set_permissions(Permissions::from_mode(bits))?;
        file.sync_all()
    };
    Ok(write().map_err(DiskError::at("write", to))?)
}

fn finish_folder(path: &Path, bits: u32, owner: OwnerIds) -> io::Result<()> {
    give(path, owner)?;
    fs::set_permissions(path, Permissions::from_mode(bits))?;
    sync(path)
}

fn give(path: &Path, owner: OwnerIds) -> io::Result<()> {
    if owner == OwnerIds::default() { Ok(()) } else { chown(path, owner.user, owner.group) }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
