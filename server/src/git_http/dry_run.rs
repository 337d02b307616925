//! Where the objects of a dry run go, and are gone with it.
//!
//! Protocol version 2 hands out any object of a repository to whoever names it, referenced or not. So the objects of a
//! push that lands nothing never enter the repository: Git is given another folder for them, with the repository's own
//! behind it. Removing them afterwards was the alternative; another push may rely on them by then.

use configbus_gitstore::git::GitCommand;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// How folders with the objects of dry runs are named among the repository's own: as Git names what is not accepted yet, so
/// that what a killed server leaves is cleared with the rest.
const PREFIX: &str = "tmp_objdir-dry-run-";

/// A folder for the objects of one dry run. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one for a push.
    pub(super) fn make(repository: &Path, push_id: &str) -> io::Result<Self> {
        let folder = repository.join("objects").join(format!("{PREFIX}{push_id}"));
        fs::create_dir_all(folder.join("pack"))?;
        Ok(Self(folder))
    }

    /// Has a child write its objects there and read those of a repository.
    pub(super) fn used_by(&self, command: GitCommand, repository: &Path) -> GitCommand {
        command
            .env("GIT_OBJECT_DIRECTORY", self.0.as_os_str())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&repository.join("objects")))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("cannot remove the objects of a dry run in {}: {error}", self.0.display());
        }
    }
}

/// Writes a path as Git reads it in a list, where a colon would end it.
fn quoted(path: &Path) -> OsString {
    let mut quoted = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_gone_with_their_dry_run() {
        let repository = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(repository.path(), "1").unwrap();
        let folder = scratch.0.clone();
        fs::write(folder.join("pack/pack-1.pack"), "PACK").unwrap();
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn paths_are_quoted_as_git_reads_them() {
        assert_eq!(quoted(Path::new("/a:b/\"c\\d")), "\"/a:b/\\\"c\\\\d\"");
    }
}
