//! Work off the write path that nobody waits for.

use crate::bus::Bus;
use configbus_gitstore::{Store, Upkeep as Outcome, UpkeepError};
use configbus_model::Namespace;
use configbus_runtime::{BlockingPool, CancellationToken, Tasks, reconcile_every, report};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often packs are counted when nothing lands.
const INTERVAL: Duration = Duration::from_secs(300);

/// How long a landing may be durable in the journal alone: what a restart has to replay.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// How often the repository is measured.
const STORAGE_INTERVAL: Duration = Duration::from_secs(60);

/// Rest between two runs, however much lands: counting packs reads a directory, and at full rate fifteen come meanwhile.
const REST: Duration = Duration::from_millis(100);

/// Rest after the index of a history could not be written; questions about it are slow meanwhile, no worse.
const INDEX_REST: Duration = Duration::from_secs(60);

/// Rest after it was written. At thousands of landings a second it would always be written, by a process that takes a tenth
/// of the time there is; Git looks at what is newer itself.
const INDEXED_REST: Duration = Duration::from_secs(10);

/// How often hosts that left are looked through.
const FORGET_INTERVAL: Duration = Duration::from_secs(60);

/// Keeps the number of packs of one namespace small.
pub(crate) struct Upkeep {
    namespace: Namespace,
    store: Store,
    landed: Arc<Notify>,
}

impl Upkeep {
    pub(crate) fn new(namespace: Namespace, store: Store, landed: Arc<Notify>) -> Self {
        Self { namespace, store, landed }
    }

    /// Starts the reconcilers. The index has one of its own: a long history takes it seconds, and packs are joined meanwhile.
    pub(crate) fn start(self, tasks: &Tasks) {
        let indexing = IndexHistory { namespace: self.namespace.clone(), store: self.store.clone() };
        let indexed = Arc::new(Notify::new());
        let (pool, stop, wake) = (BlockingPool::new(1), tasks.shutdown_token(), Arc::clone(&indexed));
        tasks.spawn(&format!("index-history-{}", self.namespace), async move {
            reconcile_every(INTERVAL, &wake, &stop, || indexing.run(&pool, &stop)).await;
            Ok::<(), Infallible>(())
        });
        let checkpoint = Checkpoint { namespace: self.namespace.clone(), store: self.store.clone() };
        let (pool, stop) = (BlockingPool::new(1), tasks.shutdown_token());
        tasks.spawn(&format!("checkpoint-{}", self.namespace), async move {
            let never = Notify::new();
            reconcile_every(CHECKPOINT_INTERVAL, &never, &stop, || checkpoint.run(&pool)).await;
            // Whoever copies the folder of a server that was stopped needs no journal.
            checkpoint.run(&pool).await;
            Ok::<(), Infallible>(())
        });
        let (namespace, store) = (self.namespace.clone(), self.store.clone());
        let (pool, stop) = (BlockingPool::new(1), tasks.shutdown_token());
        tasks.spawn(&format!("storage-{}", self.namespace), async move {
            let never = Notify::new();
            reconcile_every(STORAGE_INTERVAL, &never, &stop, || tell_storage(&namespace, &store, &pool)).await;
            Ok::<(), Infallible>(())
        });
        let (pool, stop) = (BlockingPool::new(1), tasks.shutdown_token());
        tasks.spawn(&format!("upkeep-{}", self.namespace), async move {
            let run = || async {
                indexed.notify_one();
                self.run(&pool, &stop).await;
            };
            reconcile_every(INTERVAL, &self.landed, &stop, run).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn run(&self, pool: &BlockingPool, stop: &CancellationToken) {
        let store = self.store.clone();
        match pool.run(move || store.upkeep()).await {
            Ok(Outcome::Joined { before, after }) => {
                let namespace = &self.namespace;
                tracing::debug!(%namespace, before, after, "joined packs of {namespace}");
            }
            Ok(Outcome::NotNeeded { .. } | Outcome::Busy) => {}
            Err(error) => failed(&self.namespace, &error),
        }
        rest(stop, REST).await;
    }
}

/// Keeps the journal of one namespace short.
struct Checkpoint {
    namespace: Namespace,
    store: Store,
}

impl Checkpoint {
    async fn run(&self, pool: &BlockingPool) {
        let bytes = self.store.journal_bytes();
        metrics::gauge!("configbus_server_journal_bytes", "namespace" => self.namespace.to_string()).set(bytes as f64);
        if bytes == 0 {
            return;
        }
        let store = self.store.clone();
        if let Err(error) = pool.run(move || store.checkpoint()).await {
            failed(&self.namespace, &error);
        }
    }
}

/// Tells what one namespace takes on disk.
async fn tell_storage(namespace: &Namespace, store: &Store, pool: &BlockingPool) {
    let store = store.clone();
    match pool.run(move || store.storage()).await {
        Ok(storage) => {
            let name = namespace.to_string();
            metrics::gauge!("configbus_server_packs", "namespace" => name.clone()).set(storage.packs as f64);
            metrics::gauge!("configbus_server_pack_bytes", "namespace" => name.clone()).set(storage.pack_bytes as f64);
            metrics::gauge!("configbus_server_objects", "namespace" => name.clone()).set(storage.objects as f64);
            let oldest = storage.oldest_quarantine.unwrap_or_default();
            metrics::gauge!("configbus_server_oldest_quarantine_seconds", "namespace" => name)
                .set(oldest.as_secs_f64());
        }
        Err(error) => failed(namespace, &error),
    }
}

/// Keeps questions about the history of one namespace fast.
struct IndexHistory {
    namespace: Namespace,
    store: Store,
}

impl IndexHistory {
    async fn run(&self, pool: &BlockingPool, stop: &CancellationToken) {
        let store = self.store.clone();
        match pool.run(move || store.index_history()).await {
            Ok(true) => {
                tracing::debug!(namespace = %self.namespace, "indexed the history of {}", self.namespace);
                rest(stop, INDEXED_REST).await;
            }
            Ok(false) => {}
            Err(error) => {
                failed(&self.namespace, &error);
                // Landings wake it, and another child a moment later would hardly fare better.
                rest(stop, INDEX_REST).await;
            }
        }
    }
}

/// Waits, but not for longer than the server runs.
async fn rest(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// Tells of a failure; the next run is the retry.
fn failed(namespace: &Namespace, error: &UpkeepError) {
    metrics::counter!("configbus_server_upkeep_failures_total").increment(1);
    tracing::warn!(%namespace, "upkeep failed: {}", report::chain(error));
}

/// Starts forgetting hosts that left long ago.
pub(crate) fn forget_hosts(tasks: &Tasks, bus: &Arc<Bus>) {
    let (bus, stop) = (Arc::clone(bus), tasks.shutdown_token());
    tasks.spawn("forget-hosts", async move {
        let never = Notify::new();
        let forget = || {
            bus.fleet.forget_gone(bus.clock.now_ms());
            std::future::ready(())
        };
        reconcile_every(FORGET_INTERVAL, &never, &stop, forget).await;
        Ok::<(), Infallible>(())
    });
}
