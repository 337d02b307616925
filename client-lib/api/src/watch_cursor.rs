//! Where a watch stands: what it has yielded, and where a new stream must start. Pure.

use configbus_model::{Head, Position, Revision};

/// The newest head a watch has yielded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WatchCursor {
    from: Revision,
    yielded: Option<Position>,
}

impl WatchCursor {
    /// Starts after `from`; [`Revision::ZERO`] stands for the head.
    pub(crate) fn after(from: Revision) -> Self {
        Self { from, yielded: None }
    }

    /// Returns what a stream opened now must be asked for. Before anything was yielded nothing can be lost, so the
    /// first question is asked again as it was.
    pub(crate) fn resume_from(&self) -> Revision {
        self.yielded.map_or(self.from, |position| position.revision)
    }

    /// Takes note of a message and returns whether it is news: a message up to which everything was yielded is a
    /// duplicate, unless it merely confirms the head.
    pub(crate) fn accept(&mut self, head: &Head, is_heartbeat: bool) -> bool {
        let position = head.position();
        let news = match self.yielded {
            Some(yielded) if is_heartbeat => position >= yielded,
            Some(yielded) => position > yielded,
            None => true,
        };
        if news {
            self.yielded = Some(position);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::{CommitId, Epoch, TreeId};

    fn head(epoch: u64, revision: u64) -> Head {
        let (epoch, revision) = (Epoch(epoch), Revision(revision));
        let commit = CommitId::from_bytes([7; 20]);
        Head { epoch, revision, commit, tree: TreeId::EMPTY, time_ms: 0, traceparent: None }
    }

    #[test]
    fn what_was_yielded_is_not_yielded_again() {
        let mut cursor = WatchCursor::after(Revision(3));
        assert_eq!(cursor.resume_from(), Revision(3));
        assert!(cursor.accept(&head(1, 5), false));
        assert_eq!(cursor.resume_from(), Revision(5));
        assert!(!cursor.accept(&head(1, 5), false));
        assert!(!cursor.accept(&head(1, 4), true));
        assert!(cursor.accept(&head(1, 5), true));
        assert!(cursor.accept(&head(1, 6), false));
    }

    #[test]
    fn a_restored_server_is_followed_into_its_new_epoch() {
        let mut cursor = WatchCursor::after(Revision::ZERO);
        assert!(cursor.accept(&head(1, 100), false));
        assert!(cursor.accept(&head(2, 95), false));
        assert!(!cursor.accept(&head(1, 101), false));
    }
}
