//! Keeps a root small and sound, a slice at a time and never beside a delivery.
//!
//! Order: views nobody needs go to the trash, the trash is emptied, shared directories no view uses follow, then blobs
//! that have no name left but their own. Once a day every blob is hashed again. At last the next delivery is prepared.

use super::{
    DiskDelivery, DiskError, KeptView, Trees, Unpinned, collection, root_disk,
    scrub::{self, Checked},
};
use crate::Moment;
use configbus_model::{Layout, ViewName};
use serde::Serialize;
use std::{
    collections::HashMap,
    fs::{self, ReadDir},
    os::unix::fs::MetadataExt as _,
    time::Duration,
};

/// Names looked at or removed in a slice.
const SLICE_NAMES: usize = 1_000;

/// Bytes hashed in a slice.
const SLICE_BYTES: u64 = 4 * 1024 * 1024;

/// Least time between two sweeps: each looks at every blob.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Time between two hashings of everything.
const SCRUB_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A pin this old is worth a line in the log.
const PIN_REPORTED: Duration = Duration::from_secs(60 * 60);

/// What a slice of upkeep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Whether there is more to do at once.
    pub more: bool,
    /// Views that were taken away.
    pub views_removed: usize,
    /// Blobs that were deleted.
    pub blobs_removed: usize,
    /// Damage that was found; the next full sync repairs it.
    pub damage: Option<String>,
}

/// Space a root takes: what the last sweep counted and what was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DiskUsage {
    /// File contents stored.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl DiskUsage {
    pub(super) fn add(&mut self, bytes: u64) {
        self.blobs += 1;
        self.blob_bytes += bytes;
    }
}

/// Where upkeep is.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    phase: Phase,
    /// Nothing may be left to sweep once this is false.
    clean: bool,
    next_sweep: Duration,
    next_scrub: Duration,
    pub(super) usage: DiskUsage,
    counted: DiskUsage,
    /// Trees in memory may be of a copy that was made into a view meanwhile.
    pub(super) index_is_stale: bool,
}

#[derive(Debug, Default)]
enum Phase {
    /// Views may be retired.
    #[default]
    Resting,
    /// Shared directories were taken away; what they held is being deleted.
    SweepingTrees,
    /// Blobs are being looked at.
    SweepingBlobs(ReadDir),
    /// Blobs are being hashed.
    Scrubbing(ReadDir),
}

impl Upkeep {
    /// Counts contents that were written.
    pub(super) fn count(&mut self, written: DiskUsage) {
        self.usage.blobs += written.blobs;
        self.usage.blob_bytes += written.blob_bytes;
    }

    /// Notes that there may be blobs or directories nobody uses.
    pub(super) fn expect_garbage(&mut self) {
        self.clean = false;
    }

    /// Returns whether a sweep is under way, which relies on the trees in memory.
    pub(super) fn is_sweeping(&self) -> bool {
        matches!(self.phase, Phase::SweepingTrees | Phase::SweepingBlobs(_))
    }
}

impl DiskDelivery {
    /// Does the next slice; see [`super::Delivery::tidy`].
    pub(super) fn tidy_slice(&mut self, now: Moment) -> Result<Tidied, DiskError> {
        let mut done = Tidied::default();
        if matches!(self.upkeep.phase, Phase::Resting | Phase::Scrubbing(_)) {
            done.views_removed = self.retire_views(now)?;
        }
        let mut budget = SLICE_NAMES;
        if !self.empty_trash(&mut budget)? {
            done.more = true;
            return Ok(done);
        }
        done.more = match std::mem::take(&mut self.upkeep.phase) {
            Phase::Resting => self.start_what_is_due(now)?,
            Phase::SweepingTrees => self.start_blobs(Phase::SweepingBlobs)?,
            Phase::SweepingBlobs(names) => self.sweep_blobs(names, &mut done)?,
            Phase::Scrubbing(names) => self.scrub(names, &mut done)?,
        };
        Ok(done)
    }

    fn start_what_is_due(&mut self, now: Moment) -> Result<bool, DiskError> {
        if !self.upkeep.clean && now.elapsed >= self.upkeep.next_sweep {
            self.upkeep.clean = true;
            self.upkeep.next_sweep = now.elapsed + SWEEP_INTERVAL;
            self.sweep_trees()?;
            self.upkeep.phase = Phase::SweepingTrees;
            return Ok(true);
        }
        if now.elapsed >= self.upkeep.next_scrub {
            self.upkeep.next_scrub = now.elapsed + SCRUB_INTERVAL;
            return self.start_blobs(Phase::Scrubbing);
        }
        Ok(self.prepare())
    }

    /// Makes ready for the next delivery.
    fn prepare(&mut self) -> bool {
        let Some(root) = self.shown.as_ref().map(|shown| shown.effective_tree) else { return false };
        let new = HashMap::new();
        let trees = Trees { held: &self.index, new: &new };
        self.damage.is_none() && self.layout.prepare(&self.disk, trees, root)
    }

    fn start_blobs(&mut self, phase: impl FnOnce(ReadDir) -> Phase) -> Result<bool, DiskError> {
        let folder = self.disk.root.blobs();
        self.upkeep.counted = DiskUsage::default();
        self.upkeep.phase = phase(fs::read_dir(&folder).map_err(DiskError::at("list", folder))?);
        Ok(true)
    }

    fn retire_views(&mut self, now: Moment) -> Result<usize, DiskError> {
        let mut removed = 0;
        for name in collection::expired(&self.views, now.elapsed, self.retention) {
            let Some(unpinned) = Unpinned::lock(&self.disk, &name)? else {
                self.report_pin(&name, now);
                continue;
            };
            self.take_away(&name, &unpinned)?;
            removed += 1;
        }
        Ok(removed)
    }

    fn take_away(&mut self, name: &ViewName, unpinned: &Unpinned) -> Result<(), DiskError> {
        let Some(place) = self.views.iter().position(|view| view.name() == name) else { return Ok(()) };
        let folder = unpinned.folder();
        if folder.is_dir() {
            self.disk.discard(folder)?;
        }
        let record = self.disk.root.record(name);
        if record.exists() {
            self.disk.remove_file(&record)?;
        }
        self.views.remove(place);
        self.upkeep.expect_garbage();
        tracing::debug!("removed view {name}");
        Ok(())
    }

    fn report_pin(&mut self, name: &ViewName, now: Moment) {
        let Some(view) = self.views.iter_mut().find(|view| view.name() == name) else { return };
        let since = view.pin_reported.or(view.retired).unwrap_or(now.elapsed);
        if now.elapsed.saturating_sub(since) >= PIN_REPORTED {
            tracing::warn!("view {name} was replaced over an hour ago and a reader still pins it");
            view.pin_reported = Some(now.elapsed);
        }
    }

    fn empty_trash(&self, budget: &mut usize) -> Result<bool, DiskError> {
        for path in root_disk::names_in(&self.disk.root.trash())? {
            if !self.disk.remove_some(&path, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets the trees that no view needs. Until then a revision that brings one back is thought to be here.
    pub(super) fn prune(&mut self) {
        let roots = self.views.iter().filter_map(KeptView::root_tree);
        let announced = self.shown.iter().flat_map(|shown| shown.vector.announced_trees());
        let keep = self.index.reachable(roots.chain(announced).chain(self.layout.prepared_roots()));
        self.index.retain(&keep);
        self.upkeep.index_is_stale = false;
    }

    fn sweep_trees(&mut self) -> Result<(), DiskError> {
        self.prune();
        let linked = self.views.iter().filter(|view| view.record.layout == Layout::Linked);
        let keep = self.index.reachable(linked.filter_map(KeptView::root_tree));
        self.layout.forget_all_but(&keep);
        for path in root_disk::names_in(&self.disk.root.trees())? {
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if id.is_none_or(|id| !keep.contains(&id)) {
                self.disk.discard(&path)?;
            }
        }
        Ok(())
    }

    fn sweep_blobs(&mut self, mut names: ReadDir, done: &mut Tidied) -> Result<bool, DiskError> {
        for _ in 0..SLICE_NAMES {
            let Some(entry) = names.next() else {
                self.upkeep.usage = self.upkeep.counted;
                return Ok(true);
            };
            let path = entry.map_err(DiskError::at("list", self.disk.root.blobs()))?.path();
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if metadata.nlink() == 1 {
                self.disk.remove_file(&path)?;
                done.blobs_removed += 1;
            } else {
                self.upkeep.counted.add(metadata.len());
            }
        }
        self.upkeep.phase = Phase::SweepingBlobs(names);
        Ok(true)
    }

    /// Hashes some blobs.
    fn scrub(&mut self, mut names: ReadDir, done: &mut Tidied) -> Result<bool, DiskError> {
        let mut bytes = 0;
        while bytes < SLICE_BYTES {
            let Some(entry) = names.next() else { return Ok(true) };
            let path = entry.map_err(DiskError::at("list", self.disk.root.blobs()))?.path();
            match scrub::check_blob(&path) {
                Checked::Sound(size) => bytes += size + 4096,
                Checked::Gone => {}
                Checked::Damaged => {
                    self.disk.discard(&path)?;
                    let damage = format!("{path:?} is not what its name says");
                    scrub::give_up(self, damage.clone());
                    done.damage = Some(damage);
                }
            }
        }
        self.upkeep.phase = Phase::Scrubbing(names);
        Ok(true)
    }
}
