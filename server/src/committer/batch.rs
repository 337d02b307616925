//! Lands the edits of many callers together: each a commit of its own, judged on the one before it, all of them durable at
//! once.
//!
//! A change that does not fit fails alone. What has been decided is told only when everything it was decided on is
//! durable: a conflict with a commit that never reached the disk would be a lie.

use super::change::{EditsChange, How};
use super::landing::{ATTEMPTS_MAX, Desk, LOCK_RETRY_PAUSE, LandedCommit, expect_and_convert};
use super::steps::Steps;
use super::{CommitError, recheck};
use configbus_gitstore::{Batch, HeadCommit, LandError, MoveHeadError};
use std::sync::Arc;
use std::time::Instant;

/// What becomes of one change of a batch.
pub(super) type Outcome = Result<LandedCommit, CommitError>;

impl Desk {
    /// Makes changes durable and moves the head. Returns what became of the first of them, of one at least; the others did
    /// not fit any more.
    pub(super) fn land_edits(&self, changes: &[EditsChange]) -> Vec<Outcome> {
        for _ in 0..ATTEMPTS_MAX {
            let Staged { batch, outcomes, first_staged } = self.stage(changes);
            match self.write(batch) {
                Ok(()) => return outcomes,
                Err(CommitError::Move(MoveHeadError::HeadMoved { .. })) => {
                    if let Err(error) = self.look_for_foreign_writes() {
                        return failed_from(first_staged, outcomes, error);
                    }
                }
                Err(CommitError::Move(MoveHeadError::Locked { .. })) => std::thread::sleep(LOCK_RETRY_PAUSE),
                Err(error) => return failed_from(first_staged, outcomes, error),
            }
        }
        changes.iter().map(|_| Err(CommitError::Contended)).collect()
    }

    fn stage(&self, changes: &[EditsChange]) -> Staged {
        let started = Instant::now();
        let mut batch = self.store.begin_batch();
        let mut steps = self.steps();
        steps.continue_at(batch.running().map(|head| head.tree));
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut first_staged = changes.len();
        for change in changes {
            if batch.is_full() {
                break;
            }
            outcomes.push(self.add(&mut batch, &mut steps, change));
            if !batch.is_empty() {
                first_staged = first_staged.min(outcomes.len() - 1);
            }
        }
        metrics::histogram!("configbus_server_batch_stage_seconds").record(started.elapsed().as_secs_f64());
        Staged { batch, outcomes, first_staged }
    }

    fn add(&self, batch: &mut Batch, steps: &mut Steps, change: &EditsChange) -> Outcome {
        let before = batch.running().copied();
        let edits = expect_and_convert(&self.store, before.as_ref(), &|path| batch.find(path), &change.edits)?;
        let staged = batch.stage(&edits).map_err(LandError::from)?;
        if change.checked_on != before.map(|head| head.tree) {
            recheck::edits(self, batch, steps, &staged, change)?;
        }
        let meta = self.meta(change.author.clone(), change.message.clone());
        let landed = batch.add(&staged, &meta, Self::name_of(&change.principal))?;
        let files = staged.files().to_vec();
        match (landed, before) {
            (Some(head), _) => {
                steps.take(head.tree, files.iter().map(|file| file.path.as_str().to_owned()).collect());
                Ok(LandedCommit { head, before, how: How::Edited, files })
            }
            (None, Some(head)) => Ok(LandedCommit { head, before, how: How::Unchanged, files }),
            (None, None) => Err(CommitError::Contended),
        }
    }

    fn write(&self, batch: Batch) -> Result<(), CommitError> {
        if batch.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        metrics::histogram!("configbus_server_batch_commits").record(batch.len() as f64);
        let landed: Result<Option<HeadCommit>, _> = batch.land();
        metrics::histogram!("configbus_server_batch_write_seconds").record(started.elapsed().as_secs_f64());
        landed.map(drop).map_err(CommitError::from)
    }
}

/// A batch that is not written yet.
struct Staged {
    batch: Batch,
    outcomes: Vec<Outcome>,
    /// The first change that was decided on something that is not durable yet.
    first_staged: usize,
}

/// Replaces what was decided on what did not become durable.
fn failed_from(first: usize, mut outcomes: Vec<Outcome>, error: CommitError) -> Vec<Outcome> {
    let error = Arc::new(error);
    outcomes.iter_mut().skip(first).for_each(|outcome| *outcome = Err(CommitError::Batch(Arc::clone(&error))));
    outcomes
}

#[cfg(test)]
mod tests;
