//! Candidates that Git holds: a push in quarantine or the staged edits of an API call.

use crate::{
    Finding, Rule,
    candidate::{Candidate, CandidateError, ChangedFile, NewObject, RawEntry},
    shape::rule_of,
};
use bytes::Bytes;
use configbus_gitstore::{CandidateView, NewContent, ReadError};
use configbus_model::{BlobId, Change, Entry, ErrorKind, ObjectId, PathError, TreeError, TreeId};
use std::ops::ControlFlow;

/// What a view of Git's objects proposes.
pub struct GitCandidate<'a> {
    view: &'a CandidateView,
    tips: &'a [ObjectId],
    landing: Option<Landing>,
}

/// From which content to which.
#[derive(Clone, Copy)]
struct Landing {
    base: Option<TreeId>,
    tree: TreeId,
}

impl<'a> GitCandidate<'a> {
    /// A push to `main`: everything `tips` bring is held to shapes, and the tree that would land to everything.
    pub fn push(view: &'a CandidateView, tips: &'a [ObjectId], base: Option<TreeId>, landing: TreeId) -> Self {
        Self { view, tips, landing: Some(Landing { base, tree: landing }) }
    }

    /// A push that lands nothing on `main`: only shapes count.
    pub fn undistributed(view: &'a CandidateView, tips: &'a [ObjectId]) -> Self {
        Self { view, tips, landing: None }
    }

    /// Edits, or any other step from one tree to another that brings no commits.
    pub fn step(view: &'a CandidateView, base: Option<TreeId>, landing: TreeId) -> Self {
        Self { view, tips: &[], landing: Some(Landing { base, tree: landing }) }
    }
}

impl Candidate for GitCandidate<'_> {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>)) -> Result<(), CandidateError> {
        if self.tips.is_empty() {
            return Ok(());
        }
        let walked = self.view.new_objects(self.tips, &mut |object| {
            let place = object.path.map(|path| String::from_utf8_lossy(&path).into_owned());
            match object.content {
                NewContent::Tree(encoded) => {
                    let path = place.unwrap_or_default();
                    visit(NewObject::Directory { path: &path, entries: &split_entries(&encoded) });
                }
                NewContent::Blob { size_bytes } => {
                    let path = place.unwrap_or_else(|| format!("(object {})", object.id));
                    visit(NewObject::Content { path: &path, id: object.id, size_bytes });
                }
                NewContent::Commit(_) | NewContent::Tag(_) => {}
            }
            ControlFlow::Continue(())
        });
        walked.map_err(|error| unreadable("objects", error))
    }

    fn changed_files(&self) -> Result<Vec<ChangedFile>, CandidateError> {
        let Some(Landing { base, tree }) = self.landing else { return Ok(Vec::new()) };
        let changes = self.view.changed_files(base, tree, "").map_err(|error| unreadable("changes", error))?;
        let file = |entry: &Entry| ChangedFile {
            path: entry.path.as_str().to_owned(),
            id: entry.id,
            size_bytes: entry.size_bytes,
        };
        Ok(changes.iter().filter_map(Change::new_entry).map(file).collect())
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        let Some(Landing { base, tree }) = self.landing else { return Ok(()) };
        let walked = self.view.changed_directories(base, tree, &mut |path, tree| {
            let names: Vec<_> = tree.entries().map(|entry| entry.name).collect();
            visit(path.map_or("", |path| path.as_str()), &names);
            ControlFlow::Continue(())
        });
        walked.map_err(|error| unreadable("directories", error))
    }

    fn content(&self, file: &ChangedFile) -> Result<Bytes, CandidateError> {
        self.view.blob(BlobId::from(file.id)).map_err(|error| unreadable(&file.path, error))
    }
}

/// A tree that Git can read and hosts cannot is the candidate's fault; everything else is ours.
fn unreadable(what: &str, error: ReadError) -> CandidateError {
    if error.kind() != ErrorKind::Rejected {
        return CandidateError::read(what, error);
    }
    CandidateError::Undeliverable(Box::new(match &error {
        ReadError::Tree { source, .. } => undeliverable(source),
        other => Finding::new(Rule::Unreadable, "", other.to_string()),
    }))
}

fn undeliverable(error: &TreeError) -> Finding {
    match error {
        TreeError::Name(error) => Finding::new(rule_of(error), path_of(error), error.to_string()),
        TreeError::Mode { name, .. } => Finding::new(Rule::Mode, name, error.to_string()),
        _ => Finding::new(Rule::Unreadable, "", error.to_string()),
    }
}

fn path_of(error: &PathError) -> &str {
    match error {
        PathError::EmptyComponent { path }
        | PathError::Reserved { path, .. }
        | PathError::ControlCharacter { path }
        | PathError::NotNormalised { path }
        | PathError::ComponentTooLong { path, .. }
        | PathError::TooLong { path, .. }
        | PathError::TooDeep { path, .. } => path,
        _ => "",
    }
}

/// Splits Git's encoding of a directory without judging it. What follows a break in the encoding is left out: Git's own
/// check of received objects refuses such a directory before a hook runs.
fn split_entries(encoded: &[u8]) -> Vec<RawEntry<'_>> {
    let (mut rest, mut entries) = (encoded, Vec::new());
    while let Some((entry, after)) = split_entry(rest) {
        entries.push(entry);
        rest = after;
    }
    entries
}

fn split_entry(encoded: &[u8]) -> Option<(RawEntry<'_>, &[u8])> {
    let space = encoded.iter().position(|byte| *byte == b' ')?;
    let mode = std::str::from_utf8(&encoded[..space]).ok()?;
    let mode = u32::from_str_radix(mode, 8).ok()?;
    let named = &encoded[space + 1..];
    let nul = named.iter().position(|byte| *byte == 0)?;
    Some((RawEntry { name: &named[..nul], mode }, named.get(nul + 21..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_directories_are_split_without_judgement() {
        let raw = |mode: &str, name: &[u8]| [mode.as_bytes(), b" ", name, b"\0", &[1; 20]].concat();
        let encoded = [raw("120000", b"\xff"), raw("40000", b".."), b"100644 cut\0abc".to_vec()].concat();
        let expected = [RawEntry { name: b"\xff", mode: 0o120_000 }, RawEntry { name: b"..", mode: 0o040_000 }];
        assert_eq!(split_entries(&encoded), expected);
    }

    #[test]
    fn trees_no_host_takes_are_findings() {
        let path = configbus_model::ConfigPath::parse("a/../b").unwrap_err();
        let error = ReadError::Tree { id: TreeId::EMPTY, source: TreeError::Name(path) };
        let CandidateError::Undeliverable(finding) = unreadable("x", error) else { panic!("another error") };
        assert_eq!((finding.rule, &*finding.path), (Rule::Name, "a/../b"));
        let missing = unreadable("x", ReadError::Missing { id: ObjectId::ZERO });
        assert_eq!(missing.to_string(), "failed to read x of the candidate");
    }
}
