//! Moving the head, durably and never back.

use crate::{
    HeadCommit, MoveHeadError, Store,
    disk::{
        durable,
        journal::{Appended, Parts},
        landings::Landing,
        pack::EncodedPack,
        refs::{self, RefLock},
    },
};
use configbus_model::{CommitId, TreeId};
use std::{io, sync::MutexGuard};

/// How often room is made for one landing: once for what a failure left, once for what has landed.
const ROOM_ATTEMPTS_MAX: u32 = 3;

/// The first-parent commits that a new head adds, and its content.
pub(crate) struct Chain {
    /// Oldest first.
    pub(crate) commits: Vec<CommitId>,
    pub(crate) tree: TreeId,
}

/// When commits land, and the number of whoever lands them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) landed_ms: u64,
    pub(crate) by: u32,
}

impl Store {
    /// Moves the head durably if it still is `expected`, then publishes it. `expected` must be on the first-parent chain
    /// of `new`.
    pub fn move_head(
        &self,
        expected: Option<CommitId>,
        new: CommitId,
        landed_ms: u64,
    ) -> Result<HeadCommit, MoveHeadError> {
        self.move_head_for(None, expected, new, landed_ms)
    }

    /// Does the same for somebody whose name is kept with every revision that this adds.
    pub fn move_head_for(
        &self,
        by: Option<&str>,
        expected: Option<CommitId>,
        new: CommitId,
        landed_ms: u64,
    ) -> Result<HeadCommit, MoveHeadError> {
        let by = by.map_or(Ok(0), |name| self.names().number(name));
        let path = self.dir().join("configbus/names");
        let by = by.map_err(|source| MoveHeadError::Write { path, source })?;
        let moving = self.moving();
        let actual = self.head().map(|head| head.commit);
        if actual != expected {
            return Err(MoveHeadError::HeadMoved { expected, actual });
        }
        let (landings, tree) = self.landings_to(expected, new, Arrival { landed_ms, by })?;
        let lock = self.write_all_ahead(expected, new, &landings)?;
        let appended = self.journal(&moving, expected, &landings, None)?;
        if let Err(error) = lock.rename() {
            self.inner.journal.retract(&appended);
            return Err(error);
        }
        Ok(self.show(&moving, &landings, tree))
    }

    /// Appends a landing to the journal: it is durable when this returns, and has to be shown or retracted.
    pub(crate) fn journal(
        &self,
        moving: &MutexGuard<'_, ()>,
        base: Option<CommitId>,
        landings: &[Landing],
        pack: Option<&EncodedPack>,
    ) -> Result<Appended, MoveHeadError> {
        let failed = |source| MoveHeadError::Write { path: self.dir().join("configbus/journal-0"), source };
        let parts = Parts { base, first: self.landings().newest().next(), landings, pack };
        for _ in 0..ROOM_ATTEMPTS_MAX {
            if let Some(appended) = self.inner.journal.append(&parts).map_err(failed)? {
                return Ok(appended);
            }
            self.make_room(moving).map_err(failed)?;
        }
        Err(failed(io::Error::other("there is no room in the journal")))
    }

    /// Moves the ref from `present` to `new` and the published head from `expected`, without the journal: in mirrors, and
    /// where somebody else moved the ref. The objects are durable already; the records and the ref's content are written
    /// and synced; the ref is renamed and its directory synced; then readers see it.
    pub(crate) fn advance(
        &self,
        moving: &MutexGuard<'_, ()>,
        present: Option<CommitId>,
        expected: Option<CommitId>,
        new: CommitId,
        arrival: Arrival,
    ) -> Result<HeadCommit, MoveHeadError> {
        let (landings, tree) = self.landings_to(expected, new, arrival)?;
        let lock = self.write_all_ahead(present, new, &landings)?;
        self.sync_ahead(&lock)?;
        lock.publish()?;
        Ok(self.show(moving, &landings, tree))
    }

    /// Returns the revisions that a new head adds, and its content.
    fn landings_to(
        &self,
        expected: Option<CommitId>,
        new: CommitId,
        arrival: Arrival,
    ) -> Result<(Vec<Landing>, TreeId), MoveHeadError> {
        let Arrival { landed_ms, by } = arrival;
        let Chain { commits, tree } = self.chain(expected, new)?;
        Ok((commits.into_iter().map(|commit| Landing { commit, landed_ms, by }).collect(), tree))
    }

    /// Locks the ref and writes where it is to go and the records, so that a full disk shows before anything has moved.
    fn write_all_ahead(
        &self,
        present: Option<CommitId>,
        new: CommitId,
        landings: &[Landing],
    ) -> Result<RefLock, MoveHeadError> {
        let mut lock = RefLock::acquire(self.dir(), refs::MAIN)?;
        lock.expect(present)?;
        lock.write(new.into())?;
        self.write_ahead(landings)?;
        Ok(lock)
    }

    /// Writes the records of revisions that are about to be, without syncing them.
    pub(crate) fn write_ahead(&self, landings: &[Landing]) -> Result<(), MoveHeadError> {
        let path = || self.dir().join("configbus/landings");
        self.landings().write_ahead(landings).map_err(|source| MoveHeadError::Write { path: path(), source })
    }

    /// Syncs what has to be durable before the ref may move, at once: the records, and where the ref is to go. Records that
    /// are ahead of the ref after a crash are cut off at the next start.
    pub(crate) fn sync_ahead(&self, lock: &RefLock) -> Result<(), MoveHeadError> {
        let landings = self.landings();
        let files: Vec<_> = [landings.file()].into_iter().chain(lock.file()).collect();
        let path = || self.dir().to_owned();
        durable::sync_together(&files).map_err(|source| MoveHeadError::Write { path: path(), source })
    }

    /// Counts records that were written ahead and shows the newest revision: the ref has moved to it, durably.
    pub(crate) fn show(&self, _moving: &MutexGuard<'_, ()>, landings: &[Landing], tree: TreeId) -> HeadCommit {
        let newest = landings.last().expect("the ref has moved, so there is a new revision");
        let mut records = self.landings_mut();
        records.confirm(landings);
        let (commit, landed_ms) = (newest.commit, newest.landed_ms);
        let head = HeadCommit { commit, tree, revision: records.newest(), landed_ms };
        *self.published_mut() = Some(head);
        head
    }

    /// Walks from `new` to `expected`, which must lie on the way.
    pub(crate) fn chain(&self, expected: Option<CommitId>, new: CommitId) -> Result<Chain, MoveHeadError> {
        self.with_objects(|objects| {
            let tip = objects.commit(new)?;
            let (mut commits, mut at, tree) = (vec![new], tip.parents.first().copied(), tip.tree);
            while at != expected {
                let astray = |expected| MoveHeadError::NotDescendant { expected, new };
                let commit = at.ok_or_else(|| astray(expected.unwrap_or(new)))?;
                if let (Some(expected), Some(_)) = (expected, self.revision_of(commit)) {
                    return Err(astray(expected));
                }
                commits.push(commit);
                at = objects.commit(commit)?.parents.first().copied();
            }
            commits.reverse();
            Ok(Chain { commits, tree })
        })
    }

    /// Moves the head anywhere, for a mirror that follows its upstream.
    pub(crate) fn force_head(&self, new: CommitId, landed_ms: Option<u64>) -> Result<HeadCommit, MoveHeadError> {
        let moving = self.moving();
        let ours = self.head();
        if let Some(ours) = ours.filter(|ours| ours.commit == new) {
            return Ok(ours);
        }
        let expected = ours.map(|head| head.commit);
        let present = refs::read(self.dir(), refs::MAIN)?;
        let new_ms = landed_ms.map_or_else(|| self.commit(new).map(|commit| commit.committed_ms), Ok)?;
        match self.advance(&moving, present, expected, new, Arrival { landed_ms: new_ms, by: 0 }) {
            Err(MoveHeadError::NotDescendant { .. }) => {}
            result => return result,
        }
        let lock = RefLock::acquire(self.dir(), refs::MAIN)?;
        lock.commit(new.into())?;
        self.repair_landings(Some(new))?;
        let head = HeadCommit { landed_ms: new_ms, ..self.newest(new)? };
        *self.published_mut() = Some(head);
        Ok(head)
    }
}

#[cfg(test)]
mod tests;
