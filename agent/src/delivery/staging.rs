//! Objects that arrived and are not visible yet.
//!
//! No ids travel: they are computed here, so an object that was altered on its way has an id nobody asks for.

use super::DeliveryError;
use bytes::Bytes;
use configbus_model::{BlobId, Namespace, Tree, TreeId, blob_id, tree_id};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

/// Most bytes of one update; a host that took more would spend its disk on one mistake.
pub(crate) const UPDATE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Bytes of file contents kept in memory before they go to the disk; a full sync may be larger than memory.
pub(crate) const MEMORY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where the content of a staged blob is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In memory.
    Memory(Bytes),
    /// In a temporary file, not synced.
    Spilled(PathBuf),
}

/// Objects of one update, by the id computed from their bytes.
#[derive(Debug, Default)]
struct Staging {
    trees: HashMap<TreeId, Bytes>,
    blobs: HashMap<BlobId, Content>,
    memory_bytes: u64,
    total_bytes: u64,
}

impl Staging {
    fn add(&mut self, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        for encoded in trees {
            self.count(encoded)?;
            // A copy of its own: a slice would keep the whole message it came in.
            self.trees.insert(tree_id(encoded)?, Bytes::copy_from_slice(encoded));
        }
        for content in blobs {
            self.count(content)?;
            self.memory_bytes += content.len() as u64;
            self.blobs.insert(blob_id(content)?, Content::Memory(content.clone()));
        }
        Ok(())
    }

    fn count(&mut self, object: &Bytes) -> Result<(), DeliveryError> {
        self.total_bytes += object.len() as u64;
        let (actual, max) = (self.total_bytes, UPDATE_BYTES_MAX);
        if actual > max { Err(DeliveryError::TooLarge { what: "bytes", actual, max }) } else { Ok(()) }
    }

    fn spill<E>(&mut self, spill: &mut impl FnMut(BlobId, &Bytes) -> Result<PathBuf, E>) -> Result<(), E> {
        for (id, content) in &mut self.blobs {
            if let Content::Memory(bytes) = content {
                *content = Content::Spilled(spill(*id, bytes)?);
            }
        }
        self.memory_bytes = 0;
        Ok(())
    }

    /// Returns the temporary files it refers to.
    fn spilled(&self) -> impl Iterator<Item = &PathBuf> {
        self.blobs.values().filter_map(|content| match content {
            Content::Spilled(path) => Some(path),
            Content::Memory(_) => None,
        })
    }
}

/// What has arrived for each namespace. Whoever looks for an object finds it whichever namespace brought it: ids are
/// computed, so that it is the same object.
#[derive(Debug, Default)]
pub(crate) struct Stagings {
    by_namespace: BTreeMap<Namespace, Staging>,
    /// Directories made here to show several namespaces as one.
    made: HashMap<TreeId, Bytes>,
}

impl Stagings {
    /// Adds objects of a namespace.
    pub(crate) fn add(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        self.by_namespace.entry(namespace.clone()).or_default().add(trees, blobs)
    }

    /// Replaces the directories that were made here.
    pub(crate) fn set_made(&mut self, trees: &[(TreeId, Tree)]) {
        self.made = trees.iter().map(|(id, tree)| (*id, tree.as_bytes().clone())).collect();
    }

    /// Forgets what a namespace brought.
    pub(crate) fn discard(&mut self, namespace: &Namespace) {
        self.by_namespace.remove(namespace);
    }

    pub(crate) fn tree(&self, id: TreeId) -> Option<&Bytes> {
        self.made.get(&id).or_else(|| self.by_namespace.values().find_map(|staging| staging.trees.get(&id)))
    }

    pub(crate) fn blob(&self, id: BlobId) -> Option<&Content> {
        self.by_namespace.values().find_map(|staging| staging.blobs.get(&id))
    }

    /// Returns whether file contents should leave the memory.
    pub(crate) fn is_heavy(&self) -> bool {
        self.by_namespace.values().map(|staging| staging.memory_bytes).sum::<u64>() > MEMORY_BYTES_MAX
    }

    /// Lets `spill` move each content that is in memory to a file.
    pub(crate) fn spill<E>(&mut self, mut spill: impl FnMut(BlobId, &Bytes) -> Result<PathBuf, E>) -> Result<(), E> {
        self.by_namespace.values_mut().try_for_each(|staging| staging.spill(&mut spill))
    }

    /// Returns the temporary files it refers to.
    pub(crate) fn spilled(&self) -> HashSet<&PathBuf> {
        self.by_namespace.values().flat_map(Staging::spilled).collect()
    }
}
