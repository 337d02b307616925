//! What a view has to deliver, and whether that is something else than before.

use super::error::PlaceError;
use crate::delivery::DiskError;
use configbus_model::{ConfigPath, blob_id};
use std::{
    fmt::Write as _,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Most files of one delivery: every one of them is looked at after each flip.
const FILES_MAX: usize = 100_000;

/// Deepest directory; views are not deeper.
const DEPTH_MAX: usize = 64;

/// Identity of a content, without reading it: views share unchanged files, and a file of a view is never altered.
type Seen = (u64, u64, u64, i64, i64);

/// A file to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceFile {
    /// Path in the directory that is delivered; empty for a single file.
    pub(super) place: PathBuf,
    /// Where its content is.
    pub(super) from: PathBuf,
    pub(super) executable: bool,
    seen: Seen,
}

/// A file or a directory of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(SourceFile),
    /// Its files, ordered by place.
    Directory(Vec<SourceFile>),
}

impl Source {
    /// Looks at `path` in a view; `None` when nothing is there.
    pub(super) fn survey(view: &Path, path: &ConfigPath) -> Result<Option<Self>, PlaceError> {
        let from = view.join(path);
        let metadata = match fs::metadata(&from) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(DiskError::at("look at", from)(error).into()),
        };
        if metadata.is_file() {
            return Ok(Some(Self::File(SourceFile::new(PathBuf::new(), from, &metadata))));
        }
        let mut files = Vec::new();
        collect(&from, Path::new(""), 0, &mut files)?;
        files.sort_by(|one, other| one.place.cmp(&other.place));
        Ok(Some(Self::Directory(files)))
    }

    pub(super) fn files(&self) -> &[SourceFile] {
        match self {
            Self::File(file) => std::slice::from_ref(file),
            Self::Directory(files) => files,
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory(_) => "directory",
        }
    }

    /// Returns whether this is certainly the content of `other`, without reading any.
    pub(super) fn is_unchanged_from(&self, other: &Self) -> bool {
        let seen = |source: &Self| {
            source.files().iter().map(|file| (file.place.clone(), file.executable, file.seen)).collect::<Vec<_>>()
        };
        self.kind() == other.kind() && seen(self) == seen(other)
    }

    /// Returns a name for the content, the same in each view and on each host.
    pub(super) fn digest(&self) -> Result<String, PlaceError> {
        let mut listing = format!("{}\n", self.kind());
        for file in self.files() {
            let content = fs::read(&file.from).map_err(DiskError::at("read", &file.from))?;
            let mark = if file.executable { 'x' } else { '-' };
            let _infallible = writeln!(listing, "{mark}{} {}", blob_id(&content)?, file.place.display());
        }
        Ok(blob_id(listing.as_bytes())?.to_string())
    }
}

impl SourceFile {
    fn new(place: PathBuf, from: PathBuf, metadata: &Metadata) -> Self {
        let seen = (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        Self { place, from, executable: metadata.mode() & 0o100 != 0, seen }
    }
}

/// Adds the files of a directory. The sub-directories of a view may be symlinks to shared ones.
fn collect(folder: &Path, place: &Path, depth: usize, files: &mut Vec<SourceFile>) -> Result<(), PlaceError> {
    let too_large = |max, unit| PlaceError::TooLarge { what: folder.display().to_string(), max, unit };
    if depth > DEPTH_MAX {
        return Err(too_large(DEPTH_MAX, "levels"));
    }
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in listed.map_err(DiskError::at("list", folder))? {
        let (from, place) = (entry.path(), place.join(entry.file_name()));
        let metadata = fs::metadata(&from).map_err(DiskError::at("look at", &from))?;
        if metadata.is_dir() {
            collect(&from, &place, depth + 1, files)?;
        } else {
            files.push(SourceFile::new(place, from, &metadata));
        }
        if files.len() > FILES_MAX {
            return Err(too_large(FILES_MAX, "files"));
        }
    }
    Ok(())
}
