//! What subscriptions read from a mirror while it follows.

use super::repository::{Repository, is_damage};
use crate::delta::{DeltaCache, DeltaError, DeltaKey, EncodedDelta};
use bytes::Bytes;
use configbus_gitstore::Store;
use configbus_model::{CommitId, Head, TreeId};
use configbus_runtime::BlockingPool;
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// Commits whose trees are remembered, so that deciding about a host costs no disk work.
const TREES_MAX: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// One namespace's mirror, for reading.
pub(crate) struct MirrorReader {
    repository: Arc<Repository>,
    pool: BlockingPool,
    deltas: DeltaCache,
    trees: Mutex<LruCache<CommitId, TreeId>>,
    damage: mpsc::Sender<u64>,
}

impl MirrorReader {
    /// Damage is told as the generation it was found in; one pending report is enough, more are dropped.
    pub(crate) fn new(
        repository: Arc<Repository>,
        pool: BlockingPool,
        delta_bytes_max: usize,
        damage: mpsc::Sender<u64>,
    ) -> Self {
        let trees = Mutex::new(LruCache::new(TREES_MAX));
        Self { repository, pool, deltas: DeltaCache::new(delta_bytes_max), trees, damage }
    }

    /// Returns `from` if a delta from it can be made; a host with anything else needs a full sync.
    pub(crate) async fn base(&self, from: Option<Head>) -> Option<Head> {
        let from = from?;
        (self.tree_of(from.commit).await == Some(from.tree)).then_some(from)
    }

    /// Returns what leads from one revision to another, or everything without `from`.
    pub(crate) async fn delta(&self, from: Option<&Head>, to: &Head) -> Result<Arc<EncodedDelta>, Arc<DeltaError>> {
        let key = DeltaKey { from: from.map(|head| head.tree), to: to.tree };
        self.deltas.get(key, || self.compute(key)).await
    }

    /// Reads one part of a delta.
    pub(crate) async fn part(&self, delta: &Arc<EncodedDelta>, index: usize) -> Result<Bytes, DeltaError> {
        if let Some(part) = delta.parts.in_memory(index) {
            return Ok(part);
        }
        let delta = delta.clone();
        self.pool.run(move || delta.parts.read(index)).await.map_err(DeltaError::Spool)
    }

    /// Returns the repository, for packs.
    pub(crate) fn store(&self) -> Store {
        self.repository.store()
    }

    async fn compute(&self, key: DeltaKey) -> Result<EncodedDelta, DeltaError> {
        let generation = self.repository.generation();
        let repository = self.repository.clone();
        let computed = self.pool.run(move || repository.delta(key)).await;
        match &computed {
            Ok(delta) => {
                let kind = if key.from.is_some() { "delta" } else { "full" };
                metrics::histogram!("configbus_store_delta_bytes", "kind" => kind)
                    .record(delta.parts.encoded_bytes() as f64);
            }
            Err(error) => self.note_damage(error, generation),
        }
        computed
    }

    fn note_damage(&self, error: &DeltaError, generation: u64) {
        tracing::warn!(error = configbus_runtime::report::chain(error), "an update cannot be made");
        if matches!(error, DeltaError::Read { source, .. } if is_damage(source)) {
            let _ = self.damage.try_send(generation);
        }
    }

    async fn tree_of(&self, commit: CommitId) -> Option<TreeId> {
        let remembered = self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(&commit).copied();
        if remembered.is_some() {
            return remembered;
        }
        let repository = self.repository.clone();
        let tree = self.pool.run(move || repository.tree_of(commit)).await?;
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).put(commit, tree);
        Some(tree)
    }
}
