//! The task behind the queue.

use super::batch::Outcome;
use super::landing::{Desk, LandedCommit};
use super::queue::{Inbox, Job, Reply};
use super::{Change, CommitError, Edit, EditsChange, Hold, How, Landed, PushChange};
use crate::audit::{AuditLog, change as audit};
use crate::namespace::{HeadBoard, MountBoard, mounts_path};
use crate::requests::Ticket;
use crate::serving::Serving;
use configbus_coordination::Announcer;
use configbus_gitstore::{BATCH_COMMITS_MAX, ForeignWrite, HeadCommit, Store};
use configbus_hooks::Gate;
use configbus_model::{Epoch, Head, Namespace, Principal};
use configbus_runtime::{BlockingPool, Clock};
use std::sync::{Arc, Mutex};
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
    /// What is mounted where, if that is what this committer lands.
    mounts: Option<Arc<MountBoard>>,
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
    pub(crate) mounts: Arc<MountBoard>,
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
                steps: Mutex::default(),
                mounts: Arc::clone(&parts.mounts),
            }),
            mounts: Some(parts.mounts).filter(|_| parts.namespace == Namespace::main()),
            namespace: parts.namespace,
            board: parts.board,
            announcer: parts.announcer,
            serving: parts.serving,
            upkeep: parts.upkeep,
        }
    }

    /// Serves the queue until the server stops; the changes in hand are finished, those behind them are given back.
    pub(crate) async fn run(self, mut inbox: Inbox, shutdown: CancellationToken) {
        let mut jobs = Vec::new();
        loop {
            metrics::gauge!("configbus_server_queue_changes").set(inbox.jobs.len() as f64);
            // All branches are cancel-safe; jobs that were received are served to their end.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                received = inbox.jobs.recv_many(&mut jobs, BATCH_COMMITS_MAX) => match received {
                    0 => break,
                    _ => self.serve(&mut jobs, &shutdown).await,
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

    /// Takes what waits in order: edits that follow each other together, pushes one by one. A stop does not wait for every
    /// push that was received.
    async fn serve(&self, jobs: &mut Vec<Job>, shutdown: &CancellationToken) {
        let mut rest = std::mem::take(jobs).into_iter().peekable();
        let mut edits = Vec::new();
        while let Some(Job { change, reply }) = rest.next() {
            match change {
                Change::Push(_) | Change::Hold(_) if shutdown.is_cancelled() => {
                    drop(reply.send(Err(CommitError::Stopping)));
                }
                Change::Push(change) => self.serve_push(change, reply).await,
                Change::Hold(hold) => self.serve_hold(hold, reply).await,
                Change::Edits(change) => edits.push((change, reply)),
            }
            if rest.peek().is_none_or(|next| !matches!(next.change, Change::Edits(_))) {
                while !edits.is_empty() {
                    edits = self.serve_edits(edits).await;
                }
            }
        }
    }

    async fn serve_push(&self, change: PushChange, reply: Reply) {
        let started = Instant::now();
        let (desk, traceparent) = (Arc::clone(&self.desk), change.traceparent.clone());
        let principal = Arc::clone(&change.principal);
        let outcome = match self.serving.check(&self.namespace) {
            Ok(()) => self.pool.run(move || desk.land_push(&change)).await,
            Err(error) => Err(error),
        };
        self.answer(vec![Decided { outcome, traceparent, principal, edits: Vec::new(), ticket: None, reply }], started);
    }

    async fn serve_hold(&self, hold: Hold, reply: Reply) {
        let started = Instant::now();
        let (desk, mounts, traceparent) = (Arc::clone(&self.desk), self.mounts.clone(), hold.traceparent.clone());
        let principal = Arc::clone(&hold.principal);
        let outcome = match self.serving.check(&self.namespace) {
            Ok(()) => {
                let work = move || {
                    let outcome = desk.hold(&hold);
                    if let Some(mounts) = mounts {
                        refresh(&mounts, &desk.store);
                    }
                    outcome
                };
                self.pool.run(work).await
            }
            Err(error) => Err(error),
        };
        self.answer(vec![Decided { outcome, traceparent, principal, edits: Vec::new(), ticket: None, reply }], started);
    }

    /// Lands edits together and returns those that did not fit into the batch.
    async fn serve_edits(&self, mut edits: Vec<(EditsChange, Reply)>) -> Vec<(EditsChange, Reply)> {
        let started = Instant::now();
        if let Err(error) = self.serving.check(&self.namespace) {
            let error = Arc::new(error);
            edits.drain(..).for_each(|(_, reply)| drop(reply.send(Err(CommitError::Batch(Arc::clone(&error))))));
            return edits;
        }
        let (changes, mut replies): (Vec<_>, Vec<_>) = edits.into_iter().unzip();
        let (desk, mounts) = (Arc::clone(&self.desk), self.mounts.clone());
        let (mut changes, outcomes) = self
            .pool
            .run(move || {
                let outcomes = desk.land_edits(&changes);
                if let Some(mounts) = mounts.filter(|_| outcomes.iter().any(lands_mounts)) {
                    refresh(&mounts, &desk.store);
                }
                (changes, outcomes)
            })
            .await;
        let later = changes.split_off(outcomes.len()).into_iter().zip(replies.split_off(outcomes.len())).collect();
        let decided = outcomes.into_iter().zip(changes).zip(replies);
        let decided = decided.map(|((outcome, change), reply)| Decided {
            outcome,
            traceparent: change.traceparent,
            principal: change.principal,
            edits: change.edits,
            ticket: change.ticket,
            reply,
        });
        self.answer(decided.collect(), started);
        later
    }

    /// Shows what has landed, settles the requests that asked for it, tells those who wait, then announces: in this order,
    /// so that nobody is told of a head that a reader cannot see yet.
    fn answer(&self, decided: Vec<Decided>, started: Instant) {
        let describe = |decided: Decided| {
            let outcome = decided.outcome.map(|landed| self.describe(landed, decided.traceparent));
            (outcome, decided.ticket, (decided.principal, decided.edits), decided.reply)
        };
        let answers: Vec<_> = decided.into_iter().map(describe).collect();
        let landed = answers.iter().filter_map(|(outcome, ..)| outcome.as_ref().ok());
        let heads: Vec<_> =
            landed.filter(|landed| landed.how != How::Unchanged).map(|landed| landed.head.clone()).collect();
        let newest = heads.last().cloned();
        self.show(heads);
        self.catch_up();
        for (outcome, ticket, (principal, edits), reply) in answers {
            if let (Some(ticket), Ok(landed)) = (ticket, &outcome) {
                ticket.settle(landed);
            }
            count(&outcome, started.elapsed());
            // Who asks writes down what became of it. When they have gone, the change has landed all the same.
            if let Err(Ok(landed)) = reply.send(outcome)
                && landed.how != How::Unchanged
            {
                let paths = edits.iter().map(|edit| &edit.path);
                self.desk.audit.note(audit::landed_for_nobody(&principal, &self.namespace, &landed.head, paths));
            }
        }
        if let Some(head) = newest {
            self.announce(&head);
        }
    }

    fn describe(&self, landed: LandedCommit, traceparent: String) -> Landed {
        let LandedCommit { head, before, how, files } = landed;
        let traceparent = Some(traceparent).filter(|_| how != How::Unchanged);
        let before = before.map(|before| self.head_of(&before, None));
        Landed { head: self.head_of(&head, traceparent), before, how, files }
    }

    /// Shows durable heads to readers.
    fn show(&self, heads: Vec<Head>) {
        let namespace = &self.namespace;
        match heads.as_slice() {
            [] => {}
            [head] => {
                tracing::info!(%namespace, revision = %head.revision, commit = %head.commit,
                    "landed {namespace} {}", head.revision);
            }
            [first, .., last] => {
                tracing::info!(%namespace, revision = %last.revision, commit = %last.commit, commits = heads.len(),
                    "landed {namespace} {} to {}", first.revision, last.revision);
            }
        }
        self.board.show(heads);
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
        match self.pool.run(move || desk.look_for_foreign_writes()).await {
            Ok(ForeignWrite::Adopted(head)) => self.adopt(&head),
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

    fn adopt(&self, head: &HeadCommit) {
        let head = self.head_of(head, Some(crate::trace_context::adopt_or_create(None)));
        self.show(vec![head.clone()]);
        self.announce(&head);
    }

    /// Shows a foreign write that was adopted in the middle of a landing that then failed.
    fn catch_up(&self) {
        let shown = self.board.current().map(|head| head.commit);
        if let Some(head) = self.desk.store.head().filter(|head| Some(head.commit) != shown) {
            self.adopt(&head);
        }
    }
}

/// A change whose outcome is known and durable.
struct Decided {
    outcome: Outcome,
    traceparent: String,
    principal: Arc<Principal>,
    /// None of a push.
    edits: Vec<Edit>,
    ticket: Option<Arc<Ticket>>,
    reply: Reply,
}

/// Returns whether a change of what is mounted where has landed.
fn lands_mounts(outcome: &Outcome) -> bool {
    let path = mounts_path();
    outcome.as_ref().is_ok_and(|landed| landed.files.iter().any(|file| file.path == path))
}

fn refresh(mounts: &MountBoard, main: &Store) {
    if let Err(error) = mounts.refresh(main) {
        tracing::error!("cannot read what is mounted where: {}", configbus_runtime::report::chain(&error));
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
