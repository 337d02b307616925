//! Copied commits on their way to the disk: some thousands together in one pack.

use super::ExtractError;
use crate::{
    HeadCommit, LandError, ObjectKind, Store,
    disk::{
        hash,
        landings::Landing,
        pack::{self, PackBuilder},
        refs::{self, RefLock},
    },
    read::{
        objects::Objects,
        tree_diff::{DiffVisitor, FileAt, Walk},
    },
};
use configbus_model::{ObjectId, Revision, Tree, TreeId};
use std::{
    collections::{HashMap, HashSet},
    io,
    ops::ControlFlow,
};

/// Bytes of one pack: written in a fraction of a second, and what is copied again after a crash.
const PACK_BYTES_MAX: usize = 32 << 20;

/// Commits of one pack.
const PACK_COMMITS_MAX: usize = 8_192;

/// Collects commits on the head of a repository that nobody else writes to.
pub(super) struct Writer {
    target: Store,
    base: Option<HeadCommit>,
    running: Option<HeadCommit>,
    landings: Vec<Landing>,
    pack: PackBuilder,
    /// The newest directory at each path, which the next one there is stored as a difference from.
    latest: HashMap<String, (TreeId, Tree)>,
    /// What is in the repository already.
    present: HashSet<ObjectId>,
}

impl Writer {
    pub(super) fn new(target: &Store) -> Self {
        let head = target.head();
        Self {
            target: target.clone(),
            base: head,
            running: head,
            landings: Vec::new(),
            pack: PackBuilder::new(),
            latest: HashMap::new(),
            present: HashSet::new(),
        }
    }

    /// Returns the head with everything that was added.
    pub(super) fn running(&self) -> Option<HeadCommit> {
        self.running
    }

    pub(super) fn is_full(&self) -> bool {
        self.pack.size_bytes() >= PACK_BYTES_MAX || self.landings.len() >= PACK_COMMITS_MAX
    }

    /// Adds what a directory has that the one before has not.
    pub(super) fn copier<'a>(&'a mut self, objects: &'a Objects<'a>) -> Copier<'a> {
        Copier { writer: self, objects, failure: None }
    }

    /// Adds a commit.
    pub(super) fn put_commit(
        &mut self,
        content: &[u8],
        tree: TreeId,
        landed_ms: u64,
        by: Option<&str>,
    ) -> Result<(), ExtractError> {
        let id = hash::object_id(ObjectKind::Commit.as_git(), content).map_err(LandError::from)?;
        self.put(ObjectKind::Commit, id, content)?;
        let by = by.map_or(Ok(0), |name| self.target.names().number(name));
        let by = by.map_err(|source| self.failed(source))?;
        let revision = Revision(self.running.map_or(0, |head| head.revision.0) + 1);
        self.running = Some(HeadCommit { commit: id.into(), tree, revision, landed_ms });
        self.landings.push(Landing { commit: id.into(), landed_ms, by });
        Ok(())
    }

    /// Makes everything durable and moves the head, objects first. No journal: what goes there would be written twice.
    pub(super) fn flush(&mut self) -> Result<(), ExtractError> {
        let Some(head) = self.running.filter(|_| !self.landings.is_empty()) else { return Ok(()) };
        let store = self.target.clone();
        let moving = store.moving();
        let pack = std::mem::replace(&mut self.pack, PackBuilder::new());
        let installed = pack.finish().and_then(|encoded| pack::install(&store.objects_dir(), &encoded));
        installed.map_err(|source| self.failed(source))?;
        let mut lock = RefLock::acquire(store.dir(), refs::MAIN)?;
        lock.expect(self.base.map(|base| base.commit))?;
        lock.write(head.commit.into())?;
        store.write_ahead(&self.landings)?;
        store.sync_ahead(&lock)?;
        lock.publish()?;
        store.show(&moving, &self.landings, head.tree);
        self.base = Some(head);
        self.landings.clear();
        self.latest.clear();
        Ok(())
    }

    fn put(&mut self, kind: ObjectKind, id: ObjectId, content: &[u8]) -> Result<(), ExtractError> {
        if self.present.insert(id) {
            self.pack.put(kind, id, content).map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    fn put_tree(&mut self, path: &str, id: TreeId, tree: &Tree) -> Result<(), ExtractError> {
        if self.present.insert(id.into()) {
            let before = self.latest.get(path).map(|(id, tree)| ((*id).into(), tree.as_bytes().as_ref()));
            let put = self.pack.put_tree(id.into(), tree.as_bytes(), before);
            put.map_err(|source| self.failed(source))?;
            self.latest.insert(path.to_owned(), (id, tree.clone()));
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> LandError {
        LandError::Write { path: self.target.objects_dir(), source }
    }
}

/// Puts what differs between two directories into the pack.
pub(super) struct Copier<'a> {
    writer: &'a mut Writer,
    objects: &'a Objects<'a>,
    failure: Option<ExtractError>,
}

impl Copier<'_> {
    /// Returns what went wrong.
    pub(super) fn finish(self) -> Result<(), ExtractError> {
        self.failure.map_or(Ok(()), Err)
    }

    fn go_on(&mut self, result: Result<(), ExtractError>) -> Walk {
        match result {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) => {
                self.failure = Some(error);
                Ok(ControlFlow::Break(()))
            }
        }
    }
}

impl DiffVisitor for Copier<'_> {
    fn directory(&mut self, path: &str, id: TreeId, tree: &Tree) -> Walk {
        let put = self.writer.put_tree(path, id, tree);
        self.go_on(put)
    }

    fn file(&mut self, _path: &str, old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        let Some((_, id)) = new.filter(|new| old.is_none_or(|old| old.1 != new.1)) else {
            return Ok(ControlFlow::Continue(()));
        };
        if self.writer.present.contains(&id) {
            return Ok(ControlFlow::Continue(()));
        }
        let content = self.objects.blob(id.into())?;
        let put = self.writer.put(ObjectKind::Blob, id, &content);
        self.go_on(put)
    }

    fn wants_deleted(&self) -> bool {
        false
    }
}
