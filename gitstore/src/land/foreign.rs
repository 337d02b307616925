//! Writes to the head's ref by somebody else: a `git push` past the server, an operator's `git update-ref`.
//!
//! The published head is the truth. What builds on it and passes the gate is adopted; anything else would let a head
//! move back or readers see what nobody checked.

use crate::{
    HeadCommit, MoveHeadError, ReadError, Store,
    disk::refs::{self, RefLock},
    land::{
        ancestry,
        moving::{Arrival, Chain},
    },
};
use configbus_model::{CommitId, ErrorKind};
use std::fs::File;

/// What was found where the head should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignWrite {
    /// The ref is where it was left.
    None,
    /// It moved forward, the caller's gate let it pass, and it is the head now.
    Adopted(HeadCommit),
    /// It was put back.
    Restored {
        /// What was there; `None` when the ref had been deleted.
        found: Option<CommitId>,
        /// Ref that keeps what was there.
        kept_as: Option<String>,
    },
}

/// Why a foreign write could not be dealt with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// The ref cannot be moved.
    #[error(transparent)]
    Move(#[from] MoveHeadError),
    /// What was found cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ForeignError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Move(error) => error.kind(),
            Self::Read(error) => error.kind(),
        }
    }
}

/// Decides on a foreign head, given the published one and the foreign one.
pub(crate) type AdoptionGate<'a> = &'a mut dyn FnMut(Option<&HeadCommit>, &HeadCommit) -> bool;

impl Store {
    /// Looks whether somebody else moved the head's ref. What builds on the head and passes `gate` (called with the old
    /// and the new head) is adopted; anything else is put aside under `refs/configbus/foreign/` and the ref put back.
    pub fn adopt_or_restore(
        &self,
        now_ms: u64,
        gate: &mut dyn FnMut(Option<&HeadCommit>, &HeadCommit) -> bool,
    ) -> Result<ForeignWrite, ForeignError> {
        let moving = self.moving();
        let ours = self.head();
        let expected = ours.map(|head| head.commit);
        let found = refs::read(self.dir(), refs::MAIN)?;
        if found == expected {
            return Ok(ForeignWrite::None);
        }
        match found {
            Some(found) if self.may_adopt(ours.as_ref(), found, now_ms, gate)? => {
                self.sync_everything(found)?;
                Ok(ForeignWrite::Adopted(self.advance(
                    &moving,
                    Some(found),
                    expected,
                    found,
                    Arrival { landed_ms: now_ms, by: 0 },
                )?))
            }
            _ => self.restore(expected, found, now_ms),
        }
    }

    /// A head that cannot even be read is no head to adopt.
    fn may_adopt(
        &self,
        ours: Option<&HeadCommit>,
        found: CommitId,
        now_ms: u64,
        gate: AdoptionGate<'_>,
    ) -> Result<bool, ForeignError> {
        let is_landed = |commit| self.revision_of(commit).is_some();
        let builds_on_ours = ours.map_or(Ok(true), |ours| {
            self.with_objects(|objects| ancestry::is_on_first_parent_chain(objects, &is_landed, ours.commit, found))
        });
        if !builds_on_ours.unwrap_or(false) {
            return Ok(false);
        }
        match self.chain(ours.map(|head| head.commit), found) {
            Ok(Chain { commits, tree }) => {
                let revision = configbus_model::Revision(ours.map_or(0, |head| head.revision.0) + commits.len() as u64);
                Ok(gate(ours, &HeadCommit { commit: found, tree, revision, landed_ms: now_ms }))
            }
            Err(MoveHeadError::Read(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn restore(
        &self,
        expected: Option<CommitId>,
        found: Option<CommitId>,
        now_ms: u64,
    ) -> Result<ForeignWrite, ForeignError> {
        let lock = RefLock::acquire(self.dir(), refs::MAIN)?;
        lock.expect(found)?;
        let kept_as = found.map(|_| format!("{}/{now_ms}", refs::FOREIGN));
        if let (Some(found), Some(name)) = (found, &kept_as) {
            RefLock::acquire(self.dir(), name)?.commit(found.into())?;
        }
        match expected {
            Some(expected) => lock.commit(expected.into())?,
            None => lock.delete()?,
        }
        Ok(ForeignWrite::Restored { found, kept_as })
    }

    /// Nobody knows what the other process wrote where, and whether it synced any of it.
    fn sync_everything(&self, found: CommitId) -> Result<(), ForeignError> {
        let path = self.objects_dir();
        let synced = File::open(&path).and_then(|dir| Ok(rustix::fs::syncfs(&dir)?));
        tracing::info!(commit = %found, "adopting a head that another process wrote");
        synced.map_err(|source| MoveHeadError::Write { path, source }.into())
    }
}

#[cfg(test)]
mod tests;
