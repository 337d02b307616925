//! Moving the head, durably and never back.

use crate::{
    HeadCommit, MoveHeadError, Store,
    disk::{
        durable,
        landings::Landing,
        refs::{self, RefLock},
    },
};
use configbus_model::{CommitId, TreeId};
use std::{fs::File, sync::MutexGuard};

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
        self.advance(&moving, expected, expected, new, Arrival { landed_ms, by })
    }

    /// Moves the ref from `present` to `new` and the published head from `expected`. The order is promise 1 of the
    /// design: the objects are durable already; the records and the ref's content are written and synced, so that a full
    /// disk shows before anything has moved; the ref is renamed and its directory synced; then readers see it.
    pub(crate) fn advance(
        &self,
        moving: &MutexGuard<'_, ()>,
        present: Option<CommitId>,
        expected: Option<CommitId>,
        new: CommitId,
        arrival: Arrival,
    ) -> Result<HeadCommit, MoveHeadError> {
        let Arrival { landed_ms, by } = arrival;
        let Chain { commits, tree } = self.chain(expected, new)?;
        let landings: Vec<_> = commits.into_iter().map(|commit| Landing { commit, landed_ms, by }).collect();
        let mut lock = RefLock::acquire(self.dir(), refs::MAIN)?;
        lock.expect(present)?;
        lock.write(new.into())?;
        self.write_ahead(&landings)?;
        self.sync_ahead(&lock, &[])?;
        lock.publish()?;
        Ok(self.show(moving, &landings, tree))
    }

    /// Writes the records of revisions that are about to be, without syncing them.
    pub(crate) fn write_ahead(&self, landings: &[Landing]) -> Result<(), MoveHeadError> {
        let path = || self.dir().join("configbus/landings");
        self.landings().write_ahead(landings).map_err(|source| MoveHeadError::Write { path: path(), source })
    }

    /// Syncs what has to be durable before the ref may move, all at once: the records, where the ref is to go, and further
    /// files. Records that are ahead of the ref after a crash are cut off at the next start.
    pub(crate) fn sync_ahead(&self, lock: &RefLock, others: &[&File]) -> Result<(), MoveHeadError> {
        let landings = self.landings();
        let files: Vec<_> = others.iter().copied().chain([landings.file()]).chain(lock.file()).collect();
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
