//! A directory that nobody flips: a clone, a mounted volume, a folder on a developer's machine.
//!
//! It has no revisions and no pins. Its files are looked at one by one, so a change of several files may be seen in
//! parts; that is what an agent is for.

use crate::{
    source::disk_files::{DiskFiles, Keeper, absent},
    source::liveness::Status,
    source::view::{FolderId, View},
    source::{Newest, Source, SourceError},
};
use configbus_model::Revision;
use rustix::fs::{Mode, OFlags, fstat, open};
use std::{
    io,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub(crate) struct PlainDirectory {
    path: PathBuf,
}

impl PlainDirectory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Source for PlainDirectory {
    fn newest(&self, _held: Option<&View>) -> Result<Newest, SourceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = absent(open(&self.path, flags, Mode::empty()))?.ok_or(SourceError::NoView)?;
        let folder = Some(FolderId::of(&fstat(&directory).map_err(io::Error::from)?));
        let files = Box::new(DiskFiles::new(directory, Keeper::Anybody));
        let mounts = Default::default();
        Ok(Newest::Perhaps(View { files, folder, revision: Revision::ZERO, mounts, pinned: false }))
    }

    fn status(&self, view: &View) -> Status {
        Status::unknown(view.revision)
    }

    fn agent(&self) -> Option<&Path> {
        None
    }
}
