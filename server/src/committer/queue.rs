//! The queue in front of the committer.

use super::{Change, CommitError, Landed};
use configbus_model::Namespace;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};

/// Where the outcome of a change is told.
pub(crate) type Reply = oneshot::Sender<Result<Landed, CommitError>>;

/// A change with somebody who waits for its outcome.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) change: Change,
    pub(crate) reply: Reply,
}

/// Hands changes to the committer of one namespace.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    namespace: Namespace,
    queue: mpsc::Sender<Job>,
    look: Arc<Notify>,
}

/// The committer's end of the queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) look: Arc<Notify>,
}

impl Committer {
    /// Makes a queue of at most `length_max` changes.
    pub(crate) fn new(namespace: Namespace, length_max: usize) -> (Self, Inbox) {
        let (queue, jobs) = mpsc::channel(length_max);
        let look = Arc::new(Notify::new());
        (Self { namespace, queue, look: Arc::clone(&look) }, Inbox { jobs, look })
    }

    /// Lands a validated change. Once queued it is decided even if the caller goes away.
    pub(crate) async fn land(&self, change: Change) -> Result<Landed, CommitError> {
        let (reply, outcome) = oneshot::channel();
        match self.queue.try_send(Job { change, reply }) {
            Ok(()) => outcome.await.unwrap_or(Err(CommitError::Stopping)),
            Err(TrySendError::Full(_)) => Err(CommitError::QueueFull { namespace: self.namespace.clone() }),
            Err(TrySendError::Closed(_)) => Err(CommitError::Stopping),
        }
    }

    /// Has the ref looked at soon: somebody may have moved it.
    pub(crate) fn look_at_ref(&self) {
        self.look.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PushChange, WhenOutdated};
    use super::*;
    use configbus_model::{CommitId, Principal};

    fn change() -> Change {
        let tip = CommitId::from_bytes([1; 20]);
        let principal = Arc::new(Principal::open());
        Change::Push(PushChange {
            principal,
            tip,
            reason: None,
            traceparent: String::new(),
            checked_on: None,
            when_outdated: WhenOutdated::ComeBack,
        })
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_gone_committer_says_so() {
        let (committer, mut inbox) = Committer::new(Namespace::main(), 1);
        let waiting = committer.clone();
        let (first, second) = tokio::join!(waiting.land(change()), async {
            tokio::task::yield_now().await;
            let second = committer.land(change()).await;
            drop(inbox.jobs.recv().await);
            second
        });
        assert!(matches!(first, Err(CommitError::Stopping)));
        assert!(matches!(second, Err(CommitError::QueueFull { .. })));
        drop(inbox);
        assert!(matches!(committer.land(change()).await, Err(CommitError::Stopping)));
    }
}
