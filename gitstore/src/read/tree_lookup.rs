//! Where trees come from: a repository, a cache in front of it, or trees that are not written yet.

use crate::ReadError;
use configbus_model::{ConfigPath, EntryMode, ObjectId, Tree, TreeId};
use lru::LruCache;
use std::sync::{Mutex, PoisonError};

/// Deepest nesting that is walked. Paths that readers see end long before; what is deeper is an attack on the stack.
pub(crate) const DEPTH_MAX: usize = 128;

/// Finds a directory by its id. The empty tree is always found.
pub(crate) trait TreeLookup {
    fn tree(&self, id: TreeId) -> Result<Tree, ReadError>;

    /// Finds what is at a path below `root`.
    fn find(&self, root: TreeId, path: &ConfigPath) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        let mut at = (EntryMode::Directory, ObjectId::from(root));
        for component in path.components() {
            if at.0 != EntryMode::Directory {
                return Ok(None);
            }
            match self.tree(at.1.into())?.get(component) {
                Some(entry) => at = (entry.mode, entry.id),
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Returns whether two trees have different things at a path. Goes down only as far as they differ at all.
    fn differs_at(&self, a: TreeId, b: TreeId, path: &ConfigPath) -> Result<bool, ReadError> {
        let mut at = (Some((EntryMode::Directory, a.into())), Some((EntryMode::Directory, b.into())));
        for component in path.components() {
            if at.0 == at.1 {
                return Ok(false);
            }
            let below = |at: Option<(EntryMode, ObjectId)>| match at {
                Some((EntryMode::Directory, id)) => {
                    Ok(self.tree(id.into())?.get(component).map(|entry| (entry.mode, entry.id)))
                }
                _ => Ok::<_, ReadError>(None),
            };
            at = (below(at.0)?, below(at.1)?);
        }
        Ok(at.0 != at.1)
    }

    /// Finds what is at a prefix: the root when it is empty; a trailing slash does not matter.
    fn find_prefix(&self, root: TreeId, prefix: &str) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        match prefix.trim_end_matches('/') {
            "" => Ok(Some((EntryMode::Directory, root.into()))),
            path => match ConfigPath::parse(path) {
                Ok(path) => self.find(root, &path),
                // Nothing can be at a path that is none.
                Err(_) => Ok(None),
            },
        }
    }
}

/// Directories that were read lately, shared by all threads.
pub(crate) struct TreeCache {
    trees: Mutex<Inner>,
    bytes_max: usize,
}

struct Inner {
    by_id: LruCache<TreeId, Tree>,
    bytes: usize,
}

impl TreeCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { trees: Mutex::new(Inner { by_id: LruCache::unbounded(), bytes: 0 }), bytes_max }
    }

    pub(crate) fn get(&self, id: TreeId) -> Option<Tree> {
        self.inner().by_id.get(&id).cloned()
    }

    pub(crate) fn put(&self, id: TreeId, tree: &Tree) {
        let mut inner = self.inner();
        let size = |tree: &Tree| tree.as_bytes().len() + 128;
        inner.bytes += size(tree);
        if let Some(before) = inner.by_id.put(id, tree.clone()) {
            inner.bytes -= size(&before);
        }
        while inner.bytes > self.bytes_max {
            let Some((_, oldest)) = inner.by_id.pop_lru() else { break };
            inner.bytes -= size(&oldest);
        }
    }

    /// Makes a directory that another took the place of the next to go.
    pub(crate) fn retire(&self, ids: impl Iterator<Item = TreeId>) {
        let mut inner = self.inner();
        for id in ids {
            inner.by_id.demote(&id);
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Should a panic have left the byte count wrong, the cache is a little smaller or larger.
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
