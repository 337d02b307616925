//! Sees to it that every accepted head is announced, however long that takes.
//!
//! A server hands over what its Git holds, at start and after each landing; the announcer holds on to it until the
//! registry has it. [`ledger`] decides, this driver calls the registry and waits. Only the newest head of a
//! namespace counts: heads are ordered, so announcing r44 also does for r43.

mod ledger;

use crate::{Announcement, HeadRegistry, RegistryError};
use configbus_model::{Head, Namespace};
use configbus_runtime::{Backoff, Clock, Tasks, report};
use futures_util::{StreamExt as _, stream};
use ledger::{Due, Intent, Ledger};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub use ledger::Unannounced;

/// How often announced heads are checked against the registry, in case somebody else wrote or wiped it.
const VERIFY_INTERVAL: Duration = Duration::from_secs(30);

/// Announcements under way at a time. Enough to hide a round trip per namespace, few enough to not flood a registry
/// that has just come back.
const IN_FLIGHT_MAX: usize = 16;

/// Holds the accepted heads of a server and announces them.
pub struct Announcer {
    registry: Arc<dyn HeadRegistry>,
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
    accepted: Notify,
    unannounced: watch::Sender<BTreeMap<Namespace, Unannounced>>,
}

impl Announcer {
    /// Returns an announcer that knows of no head yet.
    pub fn new(registry: Arc<dyn HeadRegistry>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            registry,
            clock,
            ledger: Mutex::default(),
            accepted: Notify::new(),
            unannounced: watch::Sender::default(),
        })
    }

    /// Takes over a head that is durable in Git. Returns at once; an older head than the one held is ignored.
    pub fn accept(&self, namespace: &Namespace, head: &Head) {
        self.ledger().accept(namespace, head, self.clock.now_ms());
        self.publish();
        self.accepted.notify_one();
    }

    /// Lets go of a namespace that is not served any more. What the registry holds of it stays.
    pub fn forget(&self, namespace: &Namespace) {
        self.ledger().forget(namespace);
        self.publish();
    }

    /// Watches the heads that are accepted and not announced yet.
    pub fn unannounced(&self) -> watch::Receiver<BTreeMap<Namespace, Unannounced>> {
        self.unannounced.subscribe()
    }

    /// Starts announcing. Called once, after the heads that Git holds were accepted.
    pub fn start(self: Arc<Self>, tasks: &Tasks) {
        let shutdown = tasks.shutdown_token();
        tasks.spawn("announcer", async move {
            self.run(&shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn run(&self, shutdown: &CancellationToken) {
        let mut heads = self.registry.heads();
        let mut connection = self.registry.connection();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let mut verify_at = Instant::now() + VERIFY_INTERVAL;
        while !shutdown.is_cancelled() {
            let settled = self.announce_all().await;
            if settled {
                backoff.reset();
            }
            let retry_at = if settled { verify_at } else { Instant::now() + backoff.next() };
            // Every branch is cancel-safe: what it would have seen, the next round sees.
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.accepted.notified() => {}
                Ok(()) = heads.changed() => self.ledger().observe(&heads.borrow_and_update()),
                Ok(()) = connection.changed() => {
                    if connection.borrow_and_update().is_connected() {
                        self.ledger().doubt();
                    }
                }
                () = tokio::time::sleep_until(retry_at.min(verify_at)) => {}
            }
            if Instant::now() >= verify_at {
                self.ledger().doubt();
                verify_at = Instant::now() + VERIFY_INTERVAL;
            }
        }
    }

    /// Tries everything that is due once; returns whether nothing is due any more.
    async fn announce_all(&self) -> bool {
        let due = self.ledger().due();
        let mut answers = stream::iter(due).map(|due| self.announce(due)).buffer_unordered(IN_FLIGHT_MAX);
        while let Some((due, answer)) = answers.next().await {
            self.note(&due, answer);
        }
        self.publish();
        self.ledger().due().is_empty()
    }

    async fn announce(&self, due: Due) -> (Due, Result<Announcement, RegistryError>) {
        let answer = match due.intent {
            Intent::Announce => self.registry.announce(&due.namespace, &due.head).await,
            Intent::Correct => self.registry.correct(&due.namespace, &due.head).await,
        };
        (due, answer)
    }

    fn note(&self, due: &Due, answer: Result<Announcement, RegistryError>) {
        let Due { namespace, head, .. } = due;
        match answer {
            Ok(answer) => {
                if answer == Announcement::Written {
                    tracing::debug!(%namespace, %head, "announced {namespace} {head}");
                }
                self.ledger().answered(due, &answer);
            }
            Err(error) => {
                let reason = report::chain(&error);
                if self.ledger().failed(due, &reason) {
                    tracing::warn!(%namespace, %head, reason, "{namespace} {head} is not announced yet");
                }
            }
        }
    }

    fn publish(&self) {
        let unannounced = self.ledger().unannounced();
        metrics::gauge!("configbus_coordination_unannounced")
            .set(u32::try_from(unannounced.len()).map_or(f64::INFINITY, f64::from));
        self.unannounced.send_if_modified(|published| {
            let changed = *published != unannounced;
            *published = unannounced;
            changed
        });
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
