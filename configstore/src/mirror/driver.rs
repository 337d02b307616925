//! The loop around a mirror's decisions: waits for events, performs actions, one piece of disk work at a time.

use super::{
    event::{Action, Event, Failure, Incident},
    machine::{self, Repair},
    repository::{PACK_BYTES_MAX, Repository, RepositoryError},
};
use crate::{
    board::Board,
    upstream::{ServerClient, UpstreamError, Word},
};
use configbus_coordination::Heads;
use configbus_model::{CommitId, ErrorKind, Head, Namespace};
use configbus_runtime::{BlockingPool, report};
use futures_util::future::{BoxFuture, FutureExt as _, OptionFuture};
use std::sync::Arc;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};

/// What a mirror hears from.
pub(crate) struct Sources {
    /// Coordination's heads.
    pub(crate) announced: watch::Receiver<Heads>,
    /// The server's own word, and the bell that makes it speak.
    pub(crate) word: watch::Receiver<Word>,
    pub(crate) bell: Arc<Notify>,
    /// Generations of the repository in which a reader found damage.
    pub(crate) damage: mpsc::Receiver<u64>,
}

/// What a mirror works with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) namespace: Namespace,
    pub(crate) repository: Arc<Repository>,
    pub(crate) client: ServerClient,
    pub(crate) pool: BlockingPool,
    pub(crate) board: Arc<Board>,
}

/// Keeps one mirror at the server's head.
pub(crate) struct Driver {
    mirror: machine::Mirror,
    tools: Tools,
    sources: Sources,
    held: Option<Head>,
    in_flight: Option<BoxFuture<'static, Event>>,
    wake_at: Option<Instant>,
}

impl Driver {
    pub(crate) fn new(tools: Tools, sources: Sources, held: Option<Head>, repair: Option<Repair>) -> Self {
        let mirror = machine::Mirror::new(held.clone(), repair, fastrand::u64(..));
        Self { mirror, tools, sources, held, in_flight: None, wake_at: None }
    }

    /// Follows until the channels it hears from are closed.
    pub(crate) async fn run(mut self) {
        if let Some(held) = self.held.clone() {
            self.tools.board.note_upstream(&self.tools.namespace, Some(&held));
            self.tools.board.publish(&self.tools.namespace, held);
        }
        // Both may have spoken before this loop began.
        self.sources.announced.mark_changed();
        self.sources.word.mark_changed();
        while let Some(event) = self.next_event().await {
            let actions = self.mirror.step(Instant::now(), event);
            // Before the actions: what upstream is known to hold is never shown behind what is held here.
            self.tools.board.note_upstream(&self.tools.namespace, self.mirror.upstream_head());
            actions.into_iter().for_each(|action| self.perform(action));
        }
    }

    /// Waits for something to decide about; `None` at the end.
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            let work = OptionFuture::from(self.in_flight.as_mut());
            let wake = OptionFuture::from(self.wake_at.map(tokio::time::sleep_until));
            // Cancel-safe: the work in flight is only borrowed, everything else keeps what it did not return.
            tokio::select! {
                Some(event) = work => {
                    self.in_flight = None;
                    return Some(event);
                }
                Some(()) = wake => {
                    self.wake_at = None;
                    return Some(Event::Tick);
                }
                changed = self.sources.announced.changed() => {
                    changed.ok()?;
                    let head = self.sources.announced.borrow_and_update().get(&self.tools.namespace).cloned();
                    if let Some(head) = head {
                        return Some(Event::Announced(head));
                    }
                }
                changed = self.sources.word.changed() => {
                    changed.ok()?;
                    let word = self.sources.word.borrow_and_update();
                    if let (true, Some(heads)) = (word.answers, &word.heads) {
                        return Some(Event::ServerSaid(heads.get(&self.tools.namespace).cloned()));
                    }
                }
                generation = self.sources.damage.recv() => {
                    if generation? == self.tools.repository.generation() {
                        return Some(Event::Damaged);
                    }
                }
            }
        }
    }

    fn perform(&mut self, action: Action) {
        let (tools, held) = (self.tools.clone(), self.held.clone());
        match action {
            Action::FetchPack { from, to } => self.start(async move { tools.fetch_pack(from, to, held).await }),
            Action::Fill => self.start(async move { tools.fill(held).await }),
            Action::Rebuild => self.start(async move { tools.rebuild(held).await }),
            Action::Adopt(head) => self.start(async move { tools.adopt(head).await }),
            Action::Publish(head) => {
                tracing::info!(namespace = %tools.namespace, revision = %head.revision, commit = %head.commit,
                    "mirror of {} is at {head}", tools.namespace);
                self.held = Some(head.clone());
                tools.board.publish(&tools.namespace, head);
            }
            Action::AskServer => self.sources.bell.notify_one(),
            Action::Count(incident) => tools.count(incident),
            Action::WakeAt(until) => self.wake_at = Some(until),
        }
    }

    fn start(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        debug_assert!(self.in_flight.is_none(), "the mirror asks for one piece of work at a time");
        self.in_flight = Some(work.boxed());
    }
}

impl Tools {
    async fn fetch_pack(self, from: CommitId, to: CommitId, held: Option<Head>) -> Event {
        let started = Instant::now();
        let mut pack = match self.client.pack(&self.namespace, from, to, PACK_BYTES_MAX).await {
            Ok(pack) => pack,
            Err(error) => return self.pack_failed(&error),
        };
        let repository = self.repository.clone();
        let indexed = self.pool.run(move || repository.index(&mut pack, to, held.as_ref()));
        let event = self.outcome(indexed.await.map(Event::Fetched), "index a pack");
        metrics::histogram!("configbus_store_fetch_seconds", "way" => "pack").record(started.elapsed().as_secs_f64());
        event
    }

    async fn fill(self, held: Option<Head>) -> Event {
        let started = Instant::now();
        let repository = self.repository.clone();
        let filled = self.pool.run(move || repository.fill(held.as_ref())).await;
        metrics::histogram!("configbus_store_fetch_seconds", "way" => "git").record(started.elapsed().as_secs_f64());
        let event = self.outcome(filled.map(Event::Filled), "fill from the server");
        self.doubt(event).await
    }

    async fn rebuild(self, held: Option<Head>) -> Event {
        let repository = self.repository.clone();
        let rebuilt = self.pool.run(move || repository.rebuild(held.as_ref())).await;
        let event = self.outcome(rebuilt.map(Event::Filled), "rebuild from the server");
        self.doubt(event).await
    }

    async fn adopt(self, head: Head) -> Event {
        let repository = self.repository.clone();
        let adopted = self.pool.run(move || repository.adopt(&head)).await;
        self.outcome(adopted.map(|()| Event::Adopted), "move to its new head")
    }

    /// A fetch fails for the server's sake or for the mirror's: asking the server tells which.
    async fn doubt(&self, event: Event) -> Event {
        if event == Event::Failed(Failure::Fetch) && self.client.heads().await.is_err() {
            return Event::Failed(Failure::Unreachable);
        }
        event
    }

    fn pack_failed(&self, error: &UpstreamError) -> Event {
        let text = report::chain(error);
        tracing::debug!(namespace = %self.namespace, error = text, "the server sent no pack for {}", self.namespace);
        Event::Failed(match error.kind() {
            ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Unsupported => Failure::Unknown,
            _ => Failure::Unreachable,
        })
    }

    fn outcome(&self, outcome: Result<Event, RepositoryError>, what: &'static str) -> Event {
        match outcome {
            Ok(event) => event,
            Err(error) => {
                let text = report::chain(&error);
                tracing::warn!(namespace = %self.namespace, error = text, "mirror of {} failed to {what}", self.namespace);
                Event::Failed(error.failure())
            }
        }
    }

    fn count(&self, incident: Incident) {
        let namespace = self.namespace.to_string();
        match incident {
            Incident::Repair => {
                metrics::counter!("configbus_store_repairs_total", "namespace" => namespace).increment(1);
            }
            Incident::Diverged => {
                tracing::warn!(
                    namespace,
                    "a head of {namespace} does not descend from the mirror's: asking the server"
                );
                metrics::counter!("configbus_store_divergences_total", "namespace" => namespace).increment(1);
            }
            Incident::Misannounced => {
                tracing::warn!(namespace, "an announced revision of {namespace} is not that of its commit");
                metrics::counter!("configbus_store_misannounced_total", "namespace" => namespace).increment(1);
            }
            Incident::ServerBehind => {
                tracing::error!(
                    namespace,
                    "the server's head of {namespace} is behind this mirror: after a restore raise the epoch"
                );
                metrics::counter!("configbus_store_server_behind_total", "namespace" => namespace).increment(1);
            }
        }
    }
}
