//! Delivery without a disk, for simulations of many hosts.

use super::{
    Applied, ApplyTimings, Content, Delivery, DeliveryError, DiskError, DiskUsage, Shown, Stagings, Tidied, TreeIndex,
    Trees, Vector, ViewStatus, files, resolve,
};
use crate::Moment;
use bytes::Bytes;
use configbus_model::{BlobId, ConfigPath, EntryMode, Head, Layout, Namespace, TreeId, ViewName};
use std::collections::{BTreeMap, HashMap};

/// Holds the newest revision in memory.
#[derive(Debug, Default)]
pub struct MemoryDelivery {
    index: TreeIndex,
    blobs: HashMap<BlobId, Bytes>,
    staging: Stagings,
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
    fn make_visible(&mut self, vector: &Vector, now: Moment) -> Result<Shown, DeliveryError> {
        let resolution = resolve(vector.announced_trees(), &self.index, &self.staging)?;
        let composed = files::compose(vector, &self.index, &resolution)?;
        self.staging.set_made(&composed.trees);
        // The announced trees are kept as well: the next difference is relative to them.
        let roots = std::iter::once(composed.root).chain(vector.announced_trees());
        let is_announced = composed.trees.is_empty();
        let resolution = if is_announced { resolution } else { resolve(roots, &self.index, &self.staging)? };
        let new: HashMap<_, _> = resolution.trees.iter().cloned().collect();
        let arrived = |id| match self.staging.blob(id)? {
            Content::Memory(bytes) => Some(bytes.clone()),
            Content::Spilled(_) => None,
        };
        let blob = |id| arrived(id).or_else(|| self.blobs.get(&id).cloned());
        collect(Trees { held: &self.index, new: &new }, composed.root, "", &blob, &mut BTreeMap::new())?;
        let needed = resolution.blobs.iter().filter_map(|(id, _)| Some((*id, arrived(*id)?)));
        let needed: Vec<_> = needed.collect();
        self.blobs.extend(needed);
        resolution.trees.into_iter().for_each(|(id, tree)| self.index.insert(id, tree));
        let view = ViewName::new(vector.main.revision, 0);
        let (vector, effective_tree) = (vector.clone(), composed.root);
        let shown = Shown { view, vector, effective_tree, flipped_ms: now.wall_ms };
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

    fn stage(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        self.staging.add(namespace, trees, blobs).inspect_err(|_| self.staging.discard(namespace))
    }

    fn discard(&mut self, namespace: &Namespace) {
        self.staging.discard(namespace);
    }

    fn check(&mut self, head: &Head) -> Result<(), DeliveryError> {
        resolve([head.tree], &self.index, &self.staging).map(drop)
    }

    fn read(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Bytes>, DeliveryError> {
        let Some(id) = files::find(root, path, &self.index, &self.staging)? else { return Ok(None) };
        let staged = match self.staging.blob(id) {
            Some(Content::Memory(bytes)) => Some(bytes),
            Some(Content::Spilled(_)) | None => None,
        };
        let missing = || DeliveryError::Missing { kind: "blob", id: id.into(), place: path.to_string() };
        staged.or_else(|| self.blobs.get(&id)).cloned().ok_or_else(missing).map(Some)
    }

    fn show(&mut self, vector: &Vector, now: Moment) -> Result<Applied, DeliveryError> {
        let before = self.shown.as_ref().map(|shown| shown.vector.clone());
        let shown = self.make_visible(vector, now);
        self.staging.set_made(&[]);
        if shown.is_ok() {
            for (namespace, head) in vector.heads() {
                if before.as_ref().and_then(|before| before.head_of(&namespace)) != Some(head) {
                    self.staging.discard(&namespace);
                }
            }
        }
        shown.map(|shown| Applied { shown, timings: ApplyTimings::default() })
    }

    fn tidy(&mut self, _: Moment) -> Result<Tidied, DiskError> {
        let announced = self.shown.iter().flat_map(|shown| shown.vector.announced_trees());
        let effective = self.shown.iter().map(|shown| shown.effective_tree);
        let keep = self.index.reachable(effective.chain(announced));
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
