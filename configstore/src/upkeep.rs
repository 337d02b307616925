//! Work on a mirror that nobody waits for: joining small packs, checking what lies on disk.

use crate::mirror::Repository;
use configbus_coordination::Heads;
use configbus_model::Namespace;
use configbus_runtime::{BlockingPool, report};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

/// Each fetch leaves a pack; with many of them every lookup slows down.
const JOIN_EVERY: Duration = Duration::from_secs(10);

/// Everything the head consists of is checked soon after the start and then this often.
const VERIFY_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Keeps one mirror in shape.
pub(crate) struct Upkeep {
    pub(crate) namespace: Namespace,
    pub(crate) repository: Arc<Repository>,
    pub(crate) heads: watch::Receiver<Heads>,
    pub(crate) damage: mpsc::Sender<u64>,
}

impl Upkeep {
    /// Works for ever.
    pub(crate) async fn run(self) {
        // One thread: it must not take any from those that subscribers wait for.
        let pool = BlockingPool::new(1);
        let mut verified: Option<Instant> = None;
        loop {
            sleep(JOIN_EVERY).await;
            self.join_packs(&pool).await;
            if verified.is_none_or(|verified| verified.elapsed() > VERIFY_EVERY) {
                verified = Some(Instant::now());
                self.verify(&pool).await;
            }
        }
    }

    async fn join_packs(&self, pool: &BlockingPool) {
        let store = self.repository.store();
        match pool.run(move || store.upkeep()).await {
            Ok(done) => tracing::trace!(namespace = %self.namespace, ?done, "looked after the mirror's packs"),
            Err(error) => {
                let error = report::chain(&error);
                tracing::warn!(namespace = %self.namespace, error, "failed to join the mirror's packs");
            }
        }
    }

    async fn verify(&self, pool: &BlockingPool) {
        let Some(head) = self.heads.borrow().get(&self.namespace).cloned() else { return };
        let (repository, generation) = (self.repository.clone(), self.repository.generation());
        if let Err(error) = pool.run(move || repository.verify(head.commit)).await {
            let error = report::chain(&error);
            tracing::warn!(namespace = %self.namespace, error, "the mirror of {} is damaged", self.namespace);
            // One pending report is as good as two.
            let _ = self.damage.try_send(generation);
        }
    }
}
