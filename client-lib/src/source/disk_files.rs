//! Files below an open directory.
//!
//! Everything is reached through the directory's descriptor, so that a view stays the same view whatever `current`
//! points to meanwhile.

use crate::{
    source::file_identity::FileIdentity,
    source::files::{FILE_BYTES_MAX, Files, Visit},
    source::view::FolderId,
};
use configbus_model::ConfigPath;
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat},
    io::Errno,
};
use std::{fs::File, io, io::Read as _};

/// Whose directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// An agent's: files never change, symlinks lead to shared directories.
    Agent,
    /// Somebody's: files may be edited, symlinks may lead anywhere, `.git` is not configuration.
    Anybody,
}

#[derive(Debug)]
pub(crate) struct DiskFiles {
    directory: OwnedFd,
    keeper: Keeper,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Non-blocking: opening a named pipe must not wait for its writer.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl DiskFiles {
    pub(crate) fn new(directory: OwnedFd, keeper: Keeper) -> Self {
        Self { directory, keeper }
    }

    fn identity_of(&self, stat: &Stat) -> io::Result<FileIdentity> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        }
        Ok(match self.keeper {
            Keeper::Agent => FileIdentity::immutable(stat),
            Keeper::Anybody => FileIdentity::editable(stat),
        })
    }

    fn walk_directory(&self, directory: &OwnedFd, prefix: &str, visitor: &mut dyn Visit) -> io::Result<()> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            // Names that no path can have are none of the bus: they exist only in plain directories.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let Ok(path) = ConfigPath::parse(&path) else { continue };
            match self.kind_of(directory, name, entry.file_type())? {
                Some(FileType::RegularFile) => visitor.file(path),
                Some(FileType::Directory) => {
                    let Some(below) = absent(openat(directory, name, FOLDER, Mode::empty()))? else { continue };
                    if visitor.enters(&path, FolderId::of(&fstat(&below)?)) {
                        self.walk_directory(&below, path.as_str(), visitor)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks behind symlinks where they are the agent's; those of a clone are skipped, as the bus carries none.
    fn kind_of(&self, directory: &OwnedFd, name: &str, listed: FileType) -> io::Result<Option<FileType>> {
        let flags = match (listed, self.keeper) {
            (FileType::Symlink, Keeper::Agent) => AtFlags::empty(),
            (FileType::Unknown, Keeper::Agent) => AtFlags::empty(),
            (FileType::Unknown, Keeper::Anybody) => AtFlags::SYMLINK_NOFOLLOW,
            _ => return Ok(Some(listed)),
        };
        Ok(absent(statat(directory, name, flags))?.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }
}

impl Files for DiskFiles {
    fn identity(&self, path: &ConfigPath) -> io::Result<Option<FileIdentity>> {
        let stat = absent(statat(&self.directory, path.as_str(), AtFlags::empty()))?;
        stat.map(|stat| self.identity_of(&stat)).transpose()
    }

    fn read(&self, path: &ConfigPath) -> io::Result<Option<(FileIdentity, Vec<u8>)>> {
        let Some(file) = absent(openat(&self.directory, path.as_str(), FILE, Mode::empty()))? else { return Ok(None) };
        let stat = fstat(file.as_fd())?;
        let identity = self.identity_of(&stat)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
        File::from(file).take(FILE_BYTES_MAX).read_to_end(&mut content)?;
        Ok(Some((identity, content)))
    }

    fn walk(&self, prefix: &str, visitor: &mut dyn Visit) -> io::Result<()> {
        let start = if prefix.is_empty() { "." } else { prefix };
        let Some(stat) = absent(statat(&self.directory, start, AtFlags::empty()))? else { return Ok(()) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match absent(openat(&self.directory, start, FOLDER, Mode::empty()))? {
                Some(directory) => self.walk_directory(&directory, prefix, visitor),
                None => Ok(()),
            },
            FileType::RegularFile => {
                ConfigPath::parse(prefix).into_iter().for_each(|path| visitor.file(path));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Takes "nothing is there" for an answer.
pub(crate) fn absent<T>(result: rustix::io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
