//! A directory of files as a candidate: what `configbus validate` looks at before anything is pushed.
//!
//! Everything counts, hidden and ignored files too, because nothing here knows what will be committed; only Git's own
//! `.git` at the top is left out. A directory with a `.git` of its own is what it would become, a submodule.

use crate::{
    Gate, Progress, Report,
    candidate::{Candidate, CandidateError, ChangedFile, NewObject, RawEntry},
    shape::join,
};
use bytes::Bytes;
use configbus_model::{ErrorKind, ObjectId};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

const SUBMODULE: u32 = 0o160_000;

/// Why a working copy could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkingCopyError {
    /// There is nothing, or something else.
    #[error("{dir} is not a directory")]
    NotADirectory {
        /// What was named.
        dir: PathBuf,
    },
    /// The disk fails, or a file may not be read.
    #[error("failed to read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A file could not be read while it was being checked.
    #[error(transparent)]
    Candidate(#[from] CandidateError),
}

impl WorkingCopyError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotADirectory { .. } => ErrorKind::NotFound,
            Self::Read { .. } => ErrorKind::Internal,
            Self::Candidate(error) => error.kind(),
        }
    }
}

impl Gate {
    /// Checks every file below a directory and tells how far it has come.
    pub fn check_working_copy(
        &self,
        dir: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, WorkingCopyError> {
        let candidate = WorkingCopy::scan(dir)?;
        Ok(self.check_with_progress(&candidate, progress)?)
    }
}

/// Names and sizes of everything below a directory.
struct WorkingCopy {
    root: PathBuf,
    directories: Vec<Directory>,
    files: Vec<ChangedFile>,
}

struct Directory {
    path: String,
    entries: Vec<(OsString, u32)>,
}

impl WorkingCopy {
    fn scan(root: &Path) -> Result<Self, WorkingCopyError> {
        if !root.is_dir() {
            return Err(WorkingCopyError::NotADirectory { dir: root.to_owned() });
        }
        let mut copy = Self { root: root.to_owned(), directories: Vec::new(), files: Vec::new() };
        let mut waiting = vec![String::new()];
        while let Some(path) = waiting.pop() {
            copy.scan_directory(path, &mut waiting)?;
        }
        copy.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(copy)
    }

    fn scan_directory(&mut self, path: String, waiting: &mut Vec<String>) -> Result<(), WorkingCopyError> {
        let on_disk = self.root.join(&path);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| WorkingCopyError::Read { path, source }
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&on_disk).map_err(failed(&on_disk))? {
            let entry = entry.map_err(failed(&on_disk))?;
            if path.is_empty() && entry.file_name() == ".git" {
                continue;
            }
            let metadata = entry.metadata().map_err(failed(&entry.path()))?;
            let mode = mode_of(&metadata, &entry.path());
            if let Some(name) = entry.file_name().to_str() {
                self.note(join(&path, name), mode, metadata.len(), waiting);
            }
            entries.push((entry.file_name(), mode));
        }
        entries.sort();
        self.directories.push(Directory { path, entries });
        Ok(())
    }

    fn note(&mut self, path: String, mode: u32, size_bytes: u64, waiting: &mut Vec<String>) {
        match mode {
            0o040_000 => waiting.push(path),
            0o100_644 | 0o100_755 => self.files.push(ChangedFile { path, id: ObjectId::ZERO, size_bytes }),
            _ => {}
        }
    }
}

/// Returns the mode Git would give an entry.
fn mode_of(metadata: &fs::Metadata, path: &Path) -> u32 {
    let mode = metadata.mode();
    match mode & 0o170_000 {
        0o040_000 if path.join(".git").symlink_metadata().is_ok() => SUBMODULE,
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        kind => kind,
    }
}

impl Candidate for WorkingCopy {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError> {
        for directory in &self.directories {
            let entries = directory.entries.iter().map(|(name, mode)| RawEntry { name: name.as_bytes(), mode: *mode });
            let entries: Vec<_> = entries.collect();
            visit(NewObject::Directory { path: &directory.path, entries: &entries });
        }
        Ok(())
    }

    fn changed_files(&self) -> Result<Vec<ChangedFile>, CandidateError> {
        Ok(self.files.clone())
    }

    fn content(&self, file: &ChangedFile) -> Result<Bytes, CandidateError> {
        let content = fs::read(self.root.join(&file.path));
        content.map(Bytes::from).map_err(|error| CandidateError::read(&file.path, error))
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        for directory in &self.directories {
            let names = directory.entries.iter().map(|(name, _)| name.as_os_str());
            visit(&directory.path, &names.filter_map(OsStr::to_str).collect::<Vec<_>>());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GateSettings, Rule};
    use std::os::unix::{ffi::OsStringExt as _, fs::symlink};

    fn check_found(fill: impl FnOnce(&Path)) -> Vec<(String, Rule)> {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let settings = GateSettings { file_size_bytes_max: 1_000, ..GateSettings::default() };
        let report = Gate::new(settings).unwrap().check_working_copy(folder.path(), &mut |_| {}).unwrap();
        report.findings.into_iter().map(|finding| (finding.path, finding.rule)).collect()
    }

    fn write(dir: &Path, path: &str, content: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn what_a_push_would_refuse_is_found_on_disk() {
        let found = check_found(|dir| {
            symlink("nowhere", dir.join("link")).unwrap();
            write(dir, "module/.git/HEAD", "ref: x");
            write(dir, "module/inner.json", "{");
            write(dir, ".hidden/big", &"x".repeat(1_001));
            write(dir, ".configbus/rollout.yaml", "");
            write(dir, "A/x", "");
            write(dir, "a/y", "");
            fs::write(dir.join(OsString::from_vec(b"bad\xff".to_vec())), "").unwrap();
        });
        let expected = [
            (".configbus/rollout.yaml", Rule::UnsupportedPolicy),
            (".hidden/big", Rule::FileSize),
            ("a", Rule::Twins),
            ("bad\u{fffd}", Rule::Name),
            ("link", Rule::Symlink),
            ("module", Rule::Submodule),
        ];
        let found: Vec<_> = found.iter().map(|(path, rule)| (&**path, *rule)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_repository_itself_is_left_out() {
        assert_eq!(check_found(|dir| write(dir, ".git/config", &"x".repeat(2_000))), []);
        assert_eq!(check_found(|dir| write(dir, ".git", "gitdir: /elsewhere")), []);
    }

    #[test]
    fn something_else_than_a_directory_is_named() {
        let gate = Gate::new(GateSettings::default()).unwrap();
        let error = gate.check_working_copy(Path::new("/dev/null"), &mut |_| {}).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), ("/dev/null is not a directory", ErrorKind::NotFound));
    }
}
