//! What tests stand on, here and elsewhere: a candidate in memory, and real input.

mod schema_store;

pub use schema_store::{NamedFiles, SchemaStore};

use crate::candidate::{
    Candidate, CandidateError, FileChange, FileState, FoundFile, LandingFile, NewObject, PolicyIds,
};
use bytes::Bytes;
use configbus_model::{EntryMode, ObjectId, blob_id};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// Files by path.
type Files = BTreeMap<String, MemoryFile>;

#[derive(Debug, Clone)]
struct MemoryFile {
    state: FileState,
    content: Bytes,
}

impl MemoryFile {
    fn new(mode: EntryMode, content: Bytes) -> Self {
        let id = blob_id(&content).map_or(ObjectId::ZERO, |id| id.object_id());
        Self { state: FileState { id, mode, size_bytes: content.len() as u64 }, content }
    }
}

/// Two trees of files: what is there, and what would be.
#[derive(Debug, Clone, Default)]
pub struct MemoryCandidate {
    base: Files,
    landing: Files,
}

impl MemoryCandidate {
    /// Starts with nothing changed.
    pub fn on<'a>(base: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let file = |(path, content): (&str, &str)| {
            (path.to_owned(), MemoryFile::new(EntryMode::File, content.to_owned().into()))
        };
        let base: Files = base.into_iter().map(file).collect();
        Self { landing: base.clone(), base }
    }

    /// Puts a file.
    #[must_use]
    pub fn put(self, path: &str, content: impl Into<Bytes>) -> Self {
        self.put_as(EntryMode::File, path, content)
    }

    /// Puts a file with a mode.
    #[must_use]
    pub fn put_as(mut self, mode: EntryMode, path: &str, content: impl Into<Bytes>) -> Self {
        self.landing.insert(path.to_owned(), MemoryFile::new(mode, content.into()));
        self
    }

    /// Makes what would be what is there.
    #[must_use]
    pub fn land(self) -> Self {
        Self { base: self.landing.clone(), landing: self.landing }
    }

    /// Takes a file away.
    #[must_use]
    pub fn delete(mut self, path: &str) -> Self {
        self.landing.remove(path);
        self
    }
}

fn state(file: &MemoryFile) -> FileState {
    file.state
}

fn found(files: &Files, path: &str) -> Option<FoundFile> {
    files.get(path).map(|file| FoundFile { id: file.state.id, content: file.content.clone() })
}

impl Candidate for MemoryCandidate {
    fn new_objects(&self, _visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError> {
        Ok(())
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        let paths: BTreeSet<&String> = self.base.keys().chain(self.landing.keys()).collect();
        let state_in = |files: &Files, path: &str| files.get(path).map(state);
        let changed = paths.into_iter().filter(|path| state_in(&self.base, path) != state_in(&self.landing, path));
        let change = |path: &String| FileChange {
            path: path.clone(),
            before: self.base.get(path).map(state),
            after: self.landing.get(path).map(state),
        };
        Ok(changed.map(change).collect())
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        let file = self.landing.get(&file.path).ok_or_else(|| CandidateError::read(&file.path, "no such file"))?;
        Ok(file.content.clone())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        let mut directories: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for path in self.landing.keys() {
            let cuts = path.match_indices('/').map(|(at, _)| at);
            let below = cuts.map(|at| (&path[..at], &path[at + 1..]));
            for (directory, below) in std::iter::once(("", path.as_str())).chain(below) {
                directories.entry(directory).or_default().extend(below.split('/').next());
            }
        }
        for (directory, names) in directories {
            visit(directory, &names.into_iter().collect::<Vec<_>>());
        }
        Ok(())
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        Ok(found(&self.base, path))
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        Ok(found(&self.landing, path))
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        Ok(PolicyIds::default())
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        let wanted = self.landing.iter().filter(|(path, _)| wanted(path));
        Ok(wanted.map(|(path, file)| LandingFile { path: path.clone(), state: state(file) }).collect())
    }
}
