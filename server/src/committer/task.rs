//! The task behind the queue.

use super::landing::{Desk, LandedCommit};
use super::queue::{Inbox, Job};
use super::{Change, CommitError, How, Landed};
use crate::audit::AuditLog;
use crate::namespace::HeadBoard;
use crate::serving::Serving;
use configbus_coordination::Announcer;
use configbus_gitstore::{ForeignWrite, HeadCommit, Store};
use configbus_hooks::Gate;
use configbus_model::{Epoch, Head, Namespace};
use configbus_runtime::{BlockingPool, Clock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the ref is looked at for foreign writes when nobody gives a reason to.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Everything the committer of one namespace owns.
pub(crate) struct CommitterTask {
    namespace: Namespace,
    epoch: Epoch,
    desk: Arc<Desk>,
    pool: BlockingPool,
    board: Arc<HeadBoard>,
    announcer: Arc<Announcer>,
    serving: Serving,
    upkeep: Arc<Notify>,
}

/// What a committer is made of.
pub(crate) struct Parts {
    pub(crate) namespace: Namespace,
    pub(crate) epoch: Epoch,
    pub(crate) store: Store,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) audit: AuditLog,
    pub(crate) board: Arc<HeadBoard>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) serving: Serving,
    pub(crate) upkeep: Arc<Notify>,
}

impl CommitterTask {
    /// Puts a committer together. Its pool has one permit and nobody else's work: reads cannot hold up a landing.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            pool: BlockingPool::new(1),
            epoch: parts.epoch,
            desk: Arc::new(Desk {
                namespace: parts.namespace.clone(),
                store: parts.store,
                gate: parts.gate,
                clock: parts.clock,
                audit: parts.audit,
            }),
            namespace: parts.namespace,
            board: parts.board,
            announcer: parts.announcer,
            serving: parts.serving,
            upkeep: parts.upkeep,
        }
    }

    /// Serves the queue until the server stops; the change in hand is finished, those behind it are given back.
    pub(crate) async fn run(self, mut inbox: Inbox, shutdown: CancellationToken) {
        loop {
            // All branches are cancel-safe; a job that was received is served to its end.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                job = inbox.jobs.recv() => match job {
                    Some(job) => self.serve(job).await,
                    None => break,
                },
                () = inbox.look.notified() => self.look_at_ref().await,
                () = tokio::time::sleep(LOOK_INTERVAL) => self.look_at_ref().await,
            }
        }
        inbox.jobs.close();
        while let Ok(job) = inbox.jobs.try_recv() {
            let _ = job.reply.send(Err(CommitError::Stopping));
        }
    }

    async fn serve(&self, job: Job) {
        let started = Instant::now();
        let traceparent = match &job.change {
            Change::Edits(change) => change.traceparent.clone(),
            Change::Push(change) => change.traceparent.clone(),
        };
        let before = self.board.current();
        let ticket = job.change.ticket();
        let outcome = self.land(job.change).await.map(|landed| self.show(&landed, before, traceparent));
        if let (Some(ticket), Ok(landed)) = (ticket, &outcome) {
            ticket.settle(landed);
        }
        count(&outcome, started.elapsed());
        self.catch_up();
        let announced = outcome.as_ref().ok().filter(|landed| landed.how != How::Unchanged);
        let head = announced.map(|landed| landed.head.clone());
        // The caller may have gone; the change has landed all the same.
        let _ = job.reply.send(outcome);
        if let Some(head) = head {
            self.announce(&head);
        }
    }

    async fn land(&self, change: Change) -> Result<LandedCommit, CommitError> {
        self.serving.check(&self.namespace)?;
        let desk = Arc::clone(&self.desk);
        self.pool.run(move || desk.land(&change)).await
    }

    /// Shows a durable head to readers.
    fn show(&self, landed: &LandedCommit, before: Option<Head>, traceparent: String) -> Landed {
        if landed.how == How::Unchanged {
            let head = before.clone().unwrap_or_else(|| self.head_of(&landed.head, None));
            return Landed { head, before, how: landed.how };
        }
        let head = self.head_of(&landed.head, Some(traceparent));
        self.board.show(head.clone());
        let namespace = &self.namespace;
        tracing::info!(%namespace, revision = %head.revision, commit = %head.commit, how = landed.how.as_str(),
            "landed {namespace} {}", head.revision);
        Landed { head, before, how: landed.how }
    }

    fn announce(&self, head: &Head) {
        self.announcer.accept(&self.namespace, head);
        self.upkeep.notify_one();
    }

    fn head_of(&self, commit: &HeadCommit, traceparent: Option<String>) -> Head {
        crate::namespace::head_of(self.epoch, commit, traceparent)
    }

    async fn look_at_ref(&self) {
        let desk = Arc::clone(&self.desk);
        let before = self.board.current();
        match self.pool.run(move || desk.look_for_foreign_writes()).await {
            Ok(ForeignWrite::Adopted(head)) => self.adopt(&head, before),
            Ok(ForeignWrite::None | ForeignWrite::Restored { .. }) => {}
            Err(error) => {
                tracing::error!(
                    namespace = %self.namespace,
                    "cannot look for foreign writes: {}",
                    configbus_runtime::report::chain(&error)
                );
            }
        }
    }

    fn adopt(&self, head: &HeadCommit, before: Option<Head>) {
        let landed = LandedCommit { head: *head, how: How::FastForward };
        let landed = self.show(&landed, before, crate::trace_context::adopt_or_create(None));
        self.announce(&landed.head);
    }

    /// Shows a foreign write that was adopted in the middle of a landing that then failed.
    fn catch_up(&self) {
        let shown = self.board.current().map(|head| head.commit);
        if let Some(head) = self.desk.store.head().filter(|head| Some(head.commit) != shown) {
            self.adopt(&head, self.board.current());
        }
    }
}

fn count(outcome: &Result<Landed, CommitError>, elapsed: Duration) {
    // It is not decided yet and comes back.
    if matches!(outcome, Err(CommitError::Outdated)) {
        return;
    }
    count_outcome(match outcome {
        Ok(landed) => landed.how.as_str(),
        Err(error) => error.kind().as_str(),
    });
    metrics::histogram!("configbus_server_commit_seconds").record(elapsed.as_secs_f64());
}

/// Counts a change by what became of it, be it in the queue or before.
pub(crate) fn count_outcome(outcome: &'static str) {
    metrics::counter!("configbus_server_commits_total", "outcome" => outcome).increment(1);
}
