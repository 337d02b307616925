//! Candidates that Git holds: a push in quarantine or the staged edits of an API call.

use crate::{
    Finding, Rule,
    candidate::{
        Candidate, CandidateError, FileChange, FileState, FoundFile, LandingFile, NewObject, PolicyIds, RawEntry,
    },
    policy,
};
use bytes::Bytes;
use configbus_gitstore::{CandidateView, NewContent, ObjectKind, ReadError, StagedEdits, StagedFile, raw_entries};
use configbus_model::{
    BlobId, Change, ConfigPath, Entry, EntryMode, ErrorKind, ObjectId, PathError, PathLimits, TreeError, TreeId,
};
use std::ops::ControlFlow;

/// What a view of Git's objects proposes.
pub struct GitCandidate<'a> {
    view: &'a CandidateView,
    tips: &'a [ObjectId],
    base: Option<TreeId>,
    landing: Option<TreeId>,
    /// What was staged, where the landing tree came about that way: it tells what changes without comparing trees.
    staged: Option<&'a StagedEdits>,
}

impl<'a> GitCandidate<'a> {
    /// A push to `main`: everything `tips` bring is held to shapes, and the tree that would land to everything.
    pub fn push(view: &'a CandidateView, tips: &'a [ObjectId], base: Option<TreeId>, landing: TreeId) -> Self {
        Self { view, tips, base, landing: Some(landing), staged: None }
    }

    /// A push that lands nothing on `main`: only shapes and secrets count, by the policy of `base`.
    pub fn undistributed(view: &'a CandidateView, tips: &'a [ObjectId], base: Option<TreeId>) -> Self {
        Self { view, tips, base, landing: None, staged: None }
    }

    /// A step from one tree to another that brings no commits.
    pub fn step(view: &'a CandidateView, base: Option<TreeId>, landing: TreeId) -> Self {
        Self { view, tips: &[], base, landing: Some(landing), staged: None }
    }

    /// Edits that are open in the view.
    pub fn edits(view: &'a CandidateView, staged: &'a StagedEdits) -> Self {
        let (base, landing) = (Some(staged.base()), Some(staged.tree()));
        Self { view, tips: &[], base, landing, staged: Some(staged) }
    }
}

impl Candidate for GitCandidate<'_> {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError> {
        if self.tips.is_empty() {
            return Ok(());
        }
        let walked = self.view.new_objects(self.tips, &mut |object| {
            let unreferenced = || format!("(object {})", object.id);
            let place = object.path.map(|path| String::from_utf8_lossy(&path).into_owned());
            let path = &place.unwrap_or_else(unreferenced);
            match object.content {
                NewContent::Tree(encoded) => visit(NewObject::Directory { path, entries: &entries(&encoded) }),
                NewContent::Blob { size_bytes } => visit(NewObject::Content { path, id: object.id, size_bytes }),
                NewContent::Commit(_) | NewContent::Tag(_) => visit(NewObject::Other),
            }
        });
        walked.map_err(|error| unreadable("objects", error))
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        let Some(tree) = self.landing else { return Ok(Vec::new()) };
        if let Some(staged) = self.staged {
            return Ok(staged_changes(staged));
        }
        let changes = self.view.changed_files(self.base, tree, "").map_err(|error| unreadable("changes", error))?;
        let change = |change: &Change| FileChange {
            path: change.path().as_str().to_owned(),
            before: change.old().map(state),
            after: change.new_entry().map(state),
        };
        Ok(changes.iter().map(change).collect())
    }

    fn readable_files(&self) -> Result<Vec<LandingFile>, CandidateError> {
        let Some(tree) = self.landing else { return Ok(Vec::new()) };
        let files = self.view.deliverable_files(self.base, tree).map_err(|error| unreadable("files", error))?;
        Ok(files.iter().map(landing_file).collect())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        let Some(tree) = self.landing else { return Ok(()) };
        if let Some(staged) = self.staged {
            // A directory without new names cannot become wrong by its names.
            for (path, tree) in staged.directories_with_new_names() {
                visit(path, &tree.entries().map(|entry| entry.name).collect::<Vec<_>>());
            }
            return Ok(());
        }
        let walked = self.view.changed_directories(self.base, tree, &mut |path, tree| {
            let names: Vec<_> = tree.entries().map(|entry| entry.name).collect();
            visit(path.map_or("", |path| path.as_str()), &names);
            ControlFlow::Continue(())
        });
        walked.map_err(|error| unreadable("directories", error))
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        self.view.blob(BlobId::from(file.state.id)).map_err(|error| unreadable(&file.path, error))
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        file_of(self.view, self.base, path)
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        file_of(self.view, self.landing, path)
    }

    fn landing_mode(&self, path: &str) -> Result<Option<EntryMode>, CandidateError> {
        let (Some(tree), Ok(place)) = (self.landing, ConfigPath::parse(path)) else { return Ok(None) };
        let entry = self.view.entry(tree, &place).map_err(|error| unreadable(path, error))?;
        Ok(entry.map(|entry| entry.mode))
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        let id = |tree: Option<TreeId>| folder_id(self.view, tree);
        Ok(PolicyIds { base: id(self.base)?, landing: id(self.landing)? })
    }

    fn landing_id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        let (Some(tree), Ok(parsed)) = (self.landing, ConfigPath::parse(path)) else { return Ok(None) };
        self.view.file_id(tree, &parsed).map_err(|error| unreadable(path, error))
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        let Some(tree) = self.landing else { return Ok(Vec::new()) };
        let files = self.view.files(tree, wanted).map_err(|error| unreadable("files", error))?;
        Ok(files.iter().map(landing_file).collect())
    }
}

fn staged_changes(staged: &StagedEdits) -> Vec<FileChange> {
    let is_change = |file: &&StagedFile| file.before != file.after.map(|(mode, id, _)| (mode, id));
    let change = |file: &StagedFile| FileChange {
        path: file.path.as_str().to_owned(),
        // Nobody asks how long it was, and finding out means reading the repository.
        before: file.before.map(|(mode, id)| FileState { id: id.into(), mode, size_bytes: 0 }),
        after: file.after.map(|(mode, id, size_bytes)| FileState { id: id.into(), mode, size_bytes }),
    };
    let mut changes: Vec<_> = staged.files().iter().filter(is_change).map(change).collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn landing_file(entry: &Entry) -> LandingFile {
    LandingFile { path: entry.path.as_str().to_owned(), state: state(entry) }
}

/// Returns what is known of a file without reading it.
pub(crate) fn state(entry: &Entry) -> FileState {
    FileState { id: entry.id, mode: entry.mode, size_bytes: entry.size_bytes }
}

/// Returns the id of a tree's policy folder.
pub(crate) fn folder_id(view: &CandidateView, tree: Option<TreeId>) -> Result<Option<ObjectId>, CandidateError> {
    let folder = ConfigPath::parse(policy::FOLDER).expect("the name of the folder is a path");
    let Some(tree) = tree else { return Ok(None) };
    let entry = view.entry(tree, &folder).map_err(|error| unreadable(policy::FOLDER, error))?;
    Ok(entry.map(|entry| entry.id))
}

/// Reads a file of a tree. Nothing is at a path that is none.
pub(crate) fn file_of(
    view: &CandidateView,
    tree: Option<TreeId>,
    path: &str,
) -> Result<Option<FoundFile>, CandidateError> {
    let (Some(tree), Ok(parsed)) = (tree, ConfigPath::parse(path)) else { return Ok(None) };
    let found = view.file(tree, &parsed).map_err(|error| unreadable(path, error))?;
    Ok(found.map(|(entry, content)| FoundFile { id: entry.id, content }))
}

/// A tree that Git can read and hosts cannot is the candidate's fault; everything else is ours.
pub(crate) fn unreadable(what: &str, error: ReadError) -> CandidateError {
    // An entry that names something of another kind than it says is the candidate's fault as well.
    if error.kind() != ErrorKind::Rejected && !matches!(error, ReadError::WrongKind { .. }) {
        return CandidateError::read(what, error);
    }
    let text = error.to_string();
    match error {
        ReadError::Path(error) | ReadError::Tree { source: TreeError::Name(error), .. } => CandidateError::Path(error),
        ReadError::TooDeep { path, depth_max } => {
            CandidateError::Path(PathError::TooDeep { path, depth: depth_max + 1, max: PathLimits::DEFAULT.depth_max })
        }
        ReadError::TooMany { found } => CandidateError::TooManyFiles { found },
        ReadError::TreeTooLarge { files_max } => CandidateError::TreeTooLarge { found: files_max as u64 + 1 },
        ReadError::PathsTooLong { .. } => {
            CandidateError::Undeliverable(Box::new(Finding::new(Rule::ChangedFiles, "", text)))
        }
        ReadError::TooLarge { kind: ObjectKind::Tree, .. } => {
            CandidateError::Undeliverable(Box::new(Finding::new(Rule::DirectoryWidth, "", text)))
        }
        ReadError::Tree { source, .. } => CandidateError::Undeliverable(Box::new(undeliverable(&source))),
        _ => CandidateError::Undeliverable(Box::new(Finding::new(Rule::Unreadable, "", text))),
    }
}

fn undeliverable(error: &TreeError) -> Finding {
    match error {
        TreeError::Mode { name, .. } => Finding::new(Rule::Mode, name, error.to_string()),
        _ => Finding::new(Rule::Unreadable, "", error.to_string()),
    }
}

/// What follows a break in the encoding is left out: whoever walks the objects tells of the break.
fn entries(encoded: &[u8]) -> Vec<RawEntry<'_>> {
    raw_entries(encoded).flatten().map(|entry| RawEntry { name: entry.name, mode: entry.mode }).collect()
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GateSettings;

    #[test]
    fn trees_no_host_takes_are_findings() {
        let path = configbus_model::ConfigPath::parse("a/../b").unwrap_err();
        let error = ReadError::Tree { id: TreeId::EMPTY, source: TreeError::Name(path) };
        let finding = unreadable("x", error).into_finding(&GateSettings::default()).unwrap();
        assert_eq!((finding.rule, &*finding.path), (Rule::Name, "a/../b"));
        let missing = unreadable("x", ReadError::Missing { id: ObjectId::ZERO });
        assert_eq!(missing.to_string(), "failed to read x of the candidate");
    }
}
