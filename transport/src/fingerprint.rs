//! Whether files are still those that were read.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf};

/// Identity, size and times of files. Follows symlinks, so that a mount whose link is turned counts as changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<Option<[i64; 6]>>);

impl Fingerprint {
    /// Looks at files; one that is not there is different from any that is.
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        Self(files.iter().map(|file| fs::metadata(file).ok().map(|found| print(&found))).collect())
    }
}

#[allow(clippy::cast_possible_wrap, reason = "the numbers are compared for equality only")]
fn print(found: &fs::Metadata) -> [i64; 6] {
    let (mtime, ctime) = (found.mtime_nsec() ^ found.mtime() << 30, found.ctime_nsec() ^ found.ctime() << 30);
    [found.dev() as i64, found.ino() as i64, found.size() as i64, mtime, ctime, i64::from(found.mode())]
}
