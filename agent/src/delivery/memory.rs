//! Delivery without a disk, for simulations of many hosts.

use super::{
    Applied, ApplyTimings, Content, Delivery, DeliveryError, DiskError, DiskUsage, Shown, Staging, Tidied, TreeIndex,
    Trees, ViewStatus, resolve,
};
use crate::Moment;
use bytes::Bytes;
use configbus_model::{BlobId, EntryMode, Head, Layout, TreeId, ViewName};
use std::collections::{BTreeMap, HashMap};

/// Holds the newest revision in memory.
#[derive(Debug, Default)]
pub struct MemoryDelivery {
    index: TreeIndex,
    blobs: HashMap<BlobId, Bytes>,
    staging: Staging,
    shown: Option<Shown>,
}

impl MemoryDelivery {
    /// Returns every file of the revision that is visible, by path, with whether it may be run.
    pub fn files(&self) -> BTreeMap<String, (bool, Bytes)> {
        let mut files = BTreeMap::new();
        if let Some(shown) = &self.shown {
            let new = HashMap::new();
            let trees = Trees { held: &self.index, new: &new };
            let blob = |id| self.blobs.get(&id).cloned();
            collect(trees, shown.effective_tree, "", &blob, &mut files).expect("what is visible is complete");
        }
        files
    }
}

fn collect(
    trees: Trees<'_>,
    id: TreeId,
    prefix: &str,
    blob: &impl Fn(BlobId) -> Option<Bytes>,
    files: &mut BTreeMap<String, (bool, Bytes)>,
) -> Result<(), DeliveryError> {
    for entry in trees.get(id)?.entries() {
        let path = format!("{prefix}{}", entry.name);
        if entry.mode == EntryMode::Directory {
            collect(trees, entry.id.into(), &format!("{path}/"), blob, files)?;
            continue;
        }
        let missing = || DeliveryError::Missing { kind: "blob", id: entry.id, place: path.clone() };
        let content = blob(entry.id.into()).ok_or_else(missing)?;
        files.insert(path, (entry.mode == EntryMode::Executable, content));
    }
    Ok(())
}

impl MemoryDelivery {
    fn make_visible(&mut self, head: &Head, now: Moment) -> Result<Shown, DeliveryError> {
        let resolution = resolve(head.tree, &self.index, &self.staging)?;
        let new: HashMap<_, _> = resolution.trees.iter().cloned().collect();
        let arrived = |id| match self.staging.blob(id)? {
            Content::Memory(bytes) => Some(bytes.clone()),
            Content::Spilled(_) => None,
        };
        let blob = |id| arrived(id).or_else(|| self.blobs.get(&id).cloned());
        collect(Trees { held: &self.index, new: &new }, head.tree, "", &blob, &mut BTreeMap::new())?;
        let needed = resolution.blobs.iter().filter_map(|(id, _)| Some((*id, arrived(*id)?)));
        let needed: Vec<_> = needed.collect();
        self.blobs.extend(needed);
        resolution.trees.into_iter().for_each(|(id, tree)| self.index.insert(id, tree));
        let view = ViewName::new(head.revision, 0);
        let shown = Shown { view, head: head.clone(), effective_tree: head.tree, flipped_ms: now.wall_ms };
        self.shown = Some(shown.clone());
        Ok(shown)
    }
}

impl Delivery for MemoryDelivery {
    fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    fn damage(&self) -> Option<&str> {
        None
    }

    fn stage(&mut self, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        self.staging.add(trees, blobs).inspect_err(|_| self.staging = Staging::default())
    }

    fn discard(&mut self) {
        self.staging = Staging::default();
    }

    fn apply(&mut self, head: &Head, now: Moment) -> Result<Applied, DeliveryError> {
        let shown = self.make_visible(head, now);
        self.staging = Staging::default();
        shown.map(|shown| Applied { shown, timings: ApplyTimings::default() })
    }

    fn tidy(&mut self, _: Moment) -> Result<Tidied, DiskError> {
        let keep = self.index.reachable(self.shown.as_ref().map(|shown| shown.effective_tree));
        self.index.retain(&keep);
        let used = self.files().into_values().filter_map(|(_, content)| configbus_model::blob_id(&content).ok());
        let used: std::collections::HashSet<_> = used.collect();
        self.blobs.retain(|id, _| used.contains(id));
        Ok(Tidied::default())
    }

    fn views(&self) -> Vec<ViewStatus> {
        let status = |shown: &Shown| ViewStatus {
            view: shown.view.clone(),
            layout: Layout::Plain,
            flipped_ms: shown.flipped_ms,
            current: true,
        };
        self.shown.iter().map(status).collect()
    }

    fn usage(&self) -> DiskUsage {
        let blob_bytes = self.blobs.values().map(|content| content.len() as u64).sum();
        DiskUsage { blobs: self.blobs.len() as u64, blob_bytes }
    }
}
