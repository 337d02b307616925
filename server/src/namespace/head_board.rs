//! The head readers see, and the few before it.
//!
//! The newest head travels in a watch channel: who is slow sees the latest and skips. A watcher of changes may not skip
//! a landing while it keeps up, so the last heads are kept in order as well; who falls behind further than that gets
//! the landings it missed as one change. That bounds the memory whatever a watcher does.

use configbus_model::{Head, Position, Revision};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Heads kept: some seconds of landings at full rate.
const RECENT_MAX: usize = 4_096;

#[derive(Debug)]
struct Shown {
    head: Head,
    since: Instant,
}

/// Shows the head of one namespace. Only the committer writes.
#[derive(Debug)]
pub(crate) struct HeadBoard {
    current: watch::Sender<Option<Head>>,
    recent: Mutex<VecDeque<Shown>>,
}

impl HeadBoard {
    /// Shows what the repository holds at start.
    pub(crate) fn new(head: Option<Head>) -> Self {
        // How long ago it landed is not known by this clock, so it takes no part in measuring propagation.
        Self { current: watch::Sender::new(head), recent: Mutex::default() }
    }

    /// Shows heads that are durable, oldest first. Who waits is woken once, for the last of them.
    pub(crate) fn show(&self, heads: Vec<Head>) {
        let Some(newest) = heads.last().cloned() else { return };
        {
            let (mut recent, since) = (self.recent.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
            recent.extend(heads.into_iter().map(|head| Shown { head, since }));
            let surplus = recent.len().saturating_sub(RECENT_MAX);
            recent.drain(..surplus);
        }
        self.current.send_replace(Some(newest));
    }

    /// Returns the head.
    pub(crate) fn current(&self) -> Option<Head> {
        self.current.borrow().clone()
    }

    /// Watches the head.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Head>> {
        self.current.subscribe()
    }

    /// Returns the first shown head after `revision`; the head itself for who is far behind.
    pub(crate) fn next_after(&self, revision: Revision) -> Option<Head> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let index = recent.partition_point(|shown| shown.head.revision <= revision);
        let next = recent.get(index).map(|shown| shown.head.clone());
        next.or_else(|| self.current().filter(|head| head.revision > revision))
    }

    /// Returns how long a head has been shown, if it is a recent one.
    pub(crate) fn age_of(&self, position: Position) -> Option<Duration> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let index = recent.binary_search_by_key(&position, |shown| shown.head.position()).ok()?;
        recent.get(index).map(|shown| shown.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, TreeId};

    fn head(revision: u64) -> Head {
        Head {
            epoch: Epoch::FIRST,
            revision: Revision(revision),
            commit: CommitId::from_bytes([1; 20]),
            tree: TreeId::EMPTY,
            time_ms: 0,
            traceparent: None,
        }
    }

    fn next(board: &HeadBoard, revision: u64) -> Option<u64> {
        board.next_after(Revision(revision)).map(|head| head.revision.0)
    }

    #[test]
    fn who_keeps_up_sees_every_landing() {
        let board = HeadBoard::new(Some(head(5)));
        assert_eq!((next(&board, 5), next(&board, 2)), (None, Some(5)));
        board.show(vec![head(6)]);
        board.show(vec![head(9)]);
        assert_eq!((next(&board, 5), next(&board, 6), next(&board, 9)), (Some(6), Some(9), None));
    }

    #[test]
    fn who_is_far_behind_gets_the_oldest_landing_that_is_kept() {
        let board = HeadBoard::new(None);
        let last = RECENT_MAX as u64 + 10;
        board.show(vec![head(1)]);
        board.show((2..=last).map(head).collect());
        assert_eq!(next(&board, 0), Some(11));
        assert_eq!(next(&board, last), None);
    }

    #[test]
    fn only_heads_shown_by_this_process_have_an_age() {
        let board = HeadBoard::new(Some(head(5)));
        board.show(vec![head(6)]);
        assert!(board.age_of(head(5).position()).is_none());
        assert!(board.age_of(head(6).position()).is_some());
    }
}
