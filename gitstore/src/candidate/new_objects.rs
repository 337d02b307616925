//! Finding every object that some commits bring and others have not.
//!
//! Each new commit's tree is held against those of its parents, so the cost is that of the changes. Whatever is named
//! twice is visited once; nothing here recurses, because what is walked was made by a stranger.

use crate::{
    NewContent, NewObject, ObjectKind, RawEntry, ReadError, raw_entries,
    read::{
        commit::parse,
        objects::{Objects, from_oid, to_oid},
    },
};
use bytes::Bytes;
use configbus_model::{CommitId, ObjectId, TreeId};
use git2::Sort;
use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

/// Where a path ends for whoever reads of it: far beyond what could land. A stranger nests names until their paths weigh more
/// than all objects together.
const PATH_BYTES_MAX: usize = 2 << 10;

/// Parents that a commit's tree is held against. What the tree shares with the others alone is looked at once more.
const PARENTS_MAX: usize = 16;

pub(crate) type Visit<'a> = &'a mut dyn FnMut(NewObject) -> ControlFlow<()>;

/// Returns the commits that the tips reach and the hidden ones do not, parents first. `None` when there are more than
/// `commits_max`.
pub(crate) fn commits_between(
    objects: &Objects<'_>,
    tips: &[CommitId],
    hidden: &[CommitId],
    commits_max: usize,
) -> Result<Option<Vec<CommitId>>, ReadError> {
    let id = tips.first().map_or(ObjectId::ZERO, |tip| (*tip).into());
    let failed = |source| ReadError::Walk { id, source };
    let mut walk = objects.repository().revwalk().map_err(failed)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).map_err(failed)?;
    tips.iter().try_for_each(|tip| walk.push(to_oid(*tip))).map_err(failed)?;
    hidden.iter().try_for_each(|commit| walk.hide(to_oid(*commit))).map_err(failed)?;
    let mut commits = Vec::new();
    for oid in walk {
        if commits.len() >= commits_max {
            return Ok(None);
        }
        commits.push(from_oid(oid.map_err(failed)?).into());
    }
    Ok(Some(commits))
}

/// Visits new objects and remembers which.
pub(crate) struct Walker<'a> {
    objects: &'a Objects<'a>,
    visit: Visit<'a>,
    seen: HashSet<ObjectId>,
    stopped: bool,
}

/// A directory to look at: where it is, and what is there in the parents.
struct Pending {
    path: Vec<u8>,
    id: TreeId,
    olds: Vec<TreeId>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(objects: &'a Objects<'a>, visit: Visit<'a>) -> Self {
        Self { objects, visit, seen: HashSet::new(), stopped: false }
    }

    /// Returns whether the visitor has had enough.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) fn has_seen(&self, id: ObjectId) -> bool {
        self.seen.contains(&id)
    }

    /// Visits a commit and what its tree has and no parent's has.
    pub(crate) fn commit(&mut self, id: CommitId) -> Result<(), ReadError> {
        let encoded = self.objects.structure(id.into(), ObjectKind::Commit)?;
        let commit = parse(id, &encoded)?;
        self.emit(id.into(), None, NewContent::Commit(encoded));
        let olds = commit
            .parents
            .iter()
            .take(PARENTS_MAX)
            .map(|parent| self.objects.tree_of(*parent))
            .collect::<Result<_, _>>()?;
        self.tree(Pending { path: Vec::new(), id: commit.tree, olds })
    }

    /// Visits one object, and if it is a directory what is in it.
    pub(crate) fn object(&mut self, id: ObjectId) -> Result<(), ReadError> {
        match self.objects.header(id)?.0 {
            ObjectKind::Tree => self.tree(Pending { path: Vec::new(), id: id.into(), olds: Vec::new() }),
            _ => self.single(id, None),
        }
    }

    /// Visits one object and nothing in it.
    pub(crate) fn single(&mut self, id: ObjectId, path: Option<Vec<u8>>) -> Result<(), ReadError> {
        if self.seen.contains(&id) || self.stopped {
            return Ok(());
        }
        let content = match self.objects.header(id)? {
            (ObjectKind::Blob, size_bytes) => NewContent::Blob { size_bytes },
            (kind @ ObjectKind::Commit, _) => NewContent::Commit(self.objects.structure(id, kind)?),
            (ObjectKind::Tree, _) => NewContent::Tree(self.whole_tree(id.into())?),
            (kind @ ObjectKind::Tag, _) => NewContent::Tag(self.objects.structure(id, kind)?),
        };
        self.emit(id, path, content);
        Ok(())
    }

    fn tree(&mut self, root: Pending) -> Result<(), ReadError> {
        let mut pending = vec![root];
        while let Some(at) = pending.pop() {
            if self.stopped {
                return Ok(());
            }
            if at.olds.contains(&at.id) || self.seen.contains(&at.id.into()) {
                continue;
            }
            let encoded = self.whole_tree(at.id)?;
            self.emit(at.id.into(), Some(at.path.clone()), NewContent::Tree(encoded.clone()));
            self.entries(&at, &encoded, &mut pending)?;
        }
        Ok(())
    }

    /// Reads a directory. Git's own check lets entries pass that nobody here can make sense of; they are never accepted.
    fn whole_tree(&self, id: TreeId) -> Result<Bytes, ReadError> {
        let encoded = self.objects.raw_tree(id)?;
        let is_whole = raw_entries(&encoded).all(|entry| entry.is_some());
        if is_whole { Ok(encoded) } else { Err(ReadError::MalformedTree { id }) }
    }

    fn entries(&mut self, at: &Pending, encoded: &[u8], pending: &mut Vec<Pending>) -> Result<(), ReadError> {
        let olds = at.olds.iter().map(|old| self.objects.raw_tree(*old)).collect::<Result<Vec<Bytes>, _>>()?;
        let olds: Vec<HashMap<&[u8], RawEntry<'_>>> = olds.iter().map(|old| by_name(old)).collect();
        for entry in raw_entries(encoded).flatten() {
            let same_name = || olds.iter().filter_map(|old| old.get(entry.name));
            if entry.mode == RawEntry::SUBMODULE || same_name().any(|old| old.id == entry.id) {
                continue;
            }
            let path = join(&at.path, entry.name);
            if entry.mode == RawEntry::DIRECTORY {
                let olds = same_name().filter(|old| old.mode == entry.mode).map(|old| old.id.into()).collect();
                pending.push(Pending { path, id: entry.id.into(), olds });
            } else {
                self.single(entry.id, Some(path))?;
            }
        }
        Ok(())
    }

    fn emit(&mut self, id: ObjectId, path: Option<Vec<u8>>, content: NewContent) {
        if !self.stopped && self.seen.insert(id) {
            self.stopped = (self.visit)(NewObject { id, path, content }).is_break();
        }
    }
}

fn by_name(encoded: &[u8]) -> HashMap<&[u8], RawEntry<'_>> {
    raw_entries(encoded).flatten().map(|entry| (entry.name, entry)).collect()
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = directory.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(&name[..name.len().min(PATH_BYTES_MAX)]);
    path.truncate(PATH_BYTES_MAX);
    path
}
