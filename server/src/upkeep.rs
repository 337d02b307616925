//! Work off the write path that nobody waits for.

use crate::bus::Bus;
use configbus_gitstore::{Store, Upkeep as Outcome};
use configbus_model::Namespace;
use configbus_runtime::{BlockingPool, CancellationToken, Tasks, reconcile_every, report};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often packs are counted when nothing lands.
const INTERVAL: Duration = Duration::from_secs(300);

/// Rest between two runs, however much lands: counting packs reads a directory, and at full rate fifteen come meanwhile.
const REST: Duration = Duration::from_millis(100);

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

    /// Starts the reconciler.
    pub(crate) fn start(self, tasks: &Tasks) {
        let (pool, stop) = (BlockingPool::new(1), tasks.shutdown_token());
        tasks.spawn(&format!("upkeep-{}", self.namespace), async move {
            reconcile_every(INTERVAL, &self.landed, &stop, || self.run(&pool, &stop)).await;
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
            Err(error) => {
                metrics::counter!("configbus_server_upkeep_failures_total").increment(1);
                tracing::warn!(namespace = %self.namespace, "upkeep failed: {}", report::chain(&error));
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }
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
