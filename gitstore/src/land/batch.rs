//! Many changes, one write: each is a commit of its own on the one before it, all of them go to disk together.
//!
//! A commit waits three times for the disk whoever waits for it, so those who come together share them. Until
//! [`Batch::land`] nothing is written, nobody sees anything, and dropping the batch leaves no trace. What is not reachable
//! from the running head is put into the pack even if the repository has it somewhere: it may be about to expire.

use crate::{
    CandidateView, CommitMeta, EditError, HeadCommit, LandError, MoveHeadError, ObjectKind, ReadError, StagedEdits,
    Store, TreeEdit,
    disk::{
        hash,
        landings::Landing,
        pack::{self, PackBuilder},
        refs::{self, RefLock},
    },
    land::edit,
    read::{commit, objects::Overlay, tree_lookup::TreeLookup},
};
use configbus_model::{ConfigPath, EntryMode, ObjectId, Revision, Tree, TreeId};
use std::{collections::HashSet, io, sync::Arc};

/// Commits that go to disk together: all that a full queue of the committer holds.
pub const BATCH_COMMITS_MAX: usize = 512;

/// Bytes that do: a pack of this size is written and synced in a few dozen milliseconds, and the next change waits as long.
const BYTES_MAX: usize = 8 << 20;

/// Why a batch did not land. The head is what it was.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Its objects cannot be written.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The head cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
}

/// Changes staged on the head, in memory.
pub struct Batch {
    store: Store,
    base: Option<HeadCommit>,
    running: Option<HeadCommit>,
    landings: Vec<Landing>,
    pack: PackBuilder,
    /// What later changes of the batch read and no disk has yet.
    staged: Arc<Overlay>,
    /// Directories that others took the place of.
    replaced: HashSet<TreeId>,
}

impl Store {
    /// Begins a batch on the head.
    pub fn begin_batch(&self) -> Batch {
        let base = self.head();
        Batch {
            store: self.clone(),
            base,
            running: base,
            landings: Vec::new(),
            pack: PackBuilder::new(),
            staged: Arc::default(),
            replaced: HashSet::new(),
        }
    }
}

impl Batch {
    /// Returns the head as it will be with what is staged so far.
    pub fn running(&self) -> Option<&HeadCommit> {
        self.running.as_ref()
    }

    /// Returns how many commits are staged.
    pub fn len(&self) -> usize {
        self.landings.len()
    }

    /// Returns whether there is nothing to land.
    pub fn is_empty(&self) -> bool {
        self.landings.is_empty()
    }

    /// Returns how many bytes will be written to the pack.
    pub fn size_bytes(&self) -> usize {
        self.pack.size_bytes()
    }

    /// Returns whether no more should be added: whoever waits for it has waited long enough.
    pub fn is_full(&self) -> bool {
        self.len() >= BATCH_COMMITS_MAX || self.size_bytes() >= BYTES_MAX
    }

    /// Returns mode and id of what is at a path.
    pub fn find(&self, path: &ConfigPath) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        self.lookup().find(self.tree(), path)
    }

    /// Applies edits to the running head without adding them.
    pub fn stage(&self, edits: &[TreeEdit]) -> Result<StagedEdits, EditError> {
        edit::stage(&self.lookup(), self.tree(), edits)
    }

    /// Opens what edits that were staged here would make of the running head.
    pub fn open_staged(&self, edits: &StagedEdits) -> Result<CandidateView, ReadError> {
        self.store.open_staged_on(Arc::clone(&self.staged), edits)
    }

    /// Adds a commit for somebody whose name is kept with its revision. Edits that change nothing add none.
    pub fn add(
        &mut self,
        edits: &StagedEdits,
        meta: &CommitMeta,
        by: Option<&str>,
    ) -> Result<Option<HeadCommit>, LandError> {
        if edits.base != self.tree() {
            return Err(LandError::OtherBase { staged: edits.base, running: self.tree() });
        }
        if edits.is_unchanged() {
            return Ok(None);
        }
        let parents: Vec<_> = self.running.iter().map(|head| head.commit).collect();
        let content = commit::encode(edits.tree, &parents, meta);
        let id = hash::object_id(ObjectKind::Commit.as_git(), &content)?;
        let by = self.number(by)?;
        self.put_objects(edits, id, &content).map_err(|source| self.failed(source))?;
        self.remember(edits);
        let revision = Revision(self.running.map_or(0, |head| head.revision.0) + 1);
        let head = HeadCommit { commit: id.into(), tree: edits.tree, revision, landed_ms: meta.time_ms };
        self.landings.push(Landing { commit: head.commit, landed_ms: head.landed_ms, by });
        self.running = Some(head);
        Ok(Some(head))
    }

    /// Makes everything durable and moves the head to the last commit, if it still is where the batch began. The order is
    /// promise 1 of the design: the journal is synced, and only then pack, index and ref get their names and are seen. The
    /// ref is locked and everything is written ahead, so that a foreign write or a full disk shows before anything has moved.
    pub fn land(self) -> Result<Option<HeadCommit>, BatchError> {
        let Some(head) = self.running.filter(|_| !self.is_empty()) else { return Ok(self.running) };
        let moving = self.store.moving();
        let expected = self.base.map(|base| base.commit);
        let actual = self.store.head().map(|head| head.commit);
        if actual != expected {
            return Err(MoveHeadError::HeadMoved { expected, actual }.into());
        }
        let mut lock = RefLock::acquire(self.store.dir(), refs::MAIN)?;
        lock.expect(expected)?;
        lock.write(head.commit.into())?;
        self.store.write_ahead(&self.landings)?;
        let path = self.store.objects_dir();
        let failed = |source| LandError::Write { path: path.clone(), source };
        let encoded = self.pack.finish().map_err(failed)?;
        let written = pack::write(&path, &encoded).map_err(failed)?;
        let appended = self.store.journal(&moving, expected, &self.landings, Some(&encoded))?;
        let shown = written.publish().map_err(failed).map_err(BatchError::from).and_then(|()| Ok(lock.rename()?));
        if let Err(error) = shown {
            self.store.inner.journal.retract(&appended);
            return Err(error);
        }
        let live = self.staged.trees.iter().filter(|(id, _)| !self.replaced.contains(*id));
        live.for_each(|(id, tree)| self.store.inner.trees.put(*id, tree));
        self.store.inner.trees.retire(self.replaced.into_iter());
        Ok(Some(self.store.show(&moving, &self.landings, head.tree)))
    }

    fn put_objects(&mut self, edits: &StagedEdits, commit: ObjectId, content: &[u8]) -> io::Result<()> {
        self.pack.put(ObjectKind::Commit, commit, content)?;
        for staged in &edits.trees {
            let before =
                staged.before.and_then(|id| Some((id.into(), self.staged.trees.get(&id)?.as_bytes().as_ref())));
            self.pack.put_tree(staged.id.into(), staged.tree.as_bytes(), before)?;
        }
        edits.blobs.iter().try_for_each(|(id, content)| self.pack.put(ObjectKind::Blob, (*id).into(), content))
    }

    fn remember(&mut self, edits: &StagedEdits) {
        // Views of single changes are gone by now, so nothing is copied.
        let all = Arc::make_mut(&mut self.staged);
        for staged in &edits.trees {
            self.replaced.extend(staged.before);
            self.replaced.remove(&staged.id);
            all.trees.insert(staged.id, staged.tree.clone());
        }
        all.blobs.extend(edits.blobs.iter().cloned());
    }

    fn number(&self, by: Option<&str>) -> Result<u32, LandError> {
        let path = || self.store.dir().join("configbus/names");
        let number = by.map_or(Ok(0), |name| self.store.names().number(name));
        number.map_err(|source| LandError::Write { path: path(), source })
    }

    fn failed(&self, source: io::Error) -> LandError {
        LandError::Write { path: self.store.objects_dir(), source }
    }

    fn tree(&self) -> TreeId {
        self.running.map_or(TreeId::EMPTY, |head| head.tree)
    }

    fn lookup(&self) -> StoreTrees<'_> {
        StoreTrees { store: &self.store, staged: Some(&self.staged) }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("running", &self.running).field("commits", &self.len()).finish_non_exhaustive()
    }
}

/// Directories of a store, staged ones first, then those in memory. A repository is only opened for others.
pub(crate) struct StoreTrees<'a> {
    pub(crate) store: &'a Store,
    pub(crate) staged: Option<&'a Overlay>,
}

impl TreeLookup for StoreTrees<'_> {
    fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        let staged = self.staged.and_then(|staged| staged.trees.get(&id).cloned());
        match staged.or_else(|| self.store.inner.trees.get(id)) {
            Some(tree) => Ok(tree),
            None => self.store.with_objects(|objects| objects.tree(id)),
        }
    }
}

#[cfg(test)]
mod tests;
