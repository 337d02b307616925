//! The views of a root: their records, their names and the one that `current` shows.

use super::{DiskError, Durable, RootDisk};
use crate::Root;
use configbus_model::{Head, Layout, MountRecord, Namespace, TreeId, ViewName, ViewRecord, blob_id};
use std::{collections::BTreeMap, fs, io::Read as _, time::Duration};

/// Largest record that is read.
const RECORD_BYTES_MAX: u64 = 1024 * 1024;

/// A complete view on the disk.
#[derive(Debug, Clone)]
pub(crate) struct KeptView {
    pub(crate) record: ViewRecord,
    /// When another view took its place; `None` while it is the one readers see.
    pub(crate) retired: Option<Duration>,
    /// When a pin that is older than usual was logged.
    pub(crate) pin_reported: Option<Duration>,
}

impl KeptView {
    pub(crate) fn new(record: ViewRecord, retired: Option<Duration>) -> Self {
        Self { record, retired, pin_reported: None }
    }

    pub(crate) fn name(&self) -> &ViewName {
        &self.record.view
    }

    /// Returns the tree it shows.
    pub(crate) fn root_tree(&self) -> Option<TreeId> {
        mount_of(&self.record).map(|mount| mount.effective_tree)
    }
}

/// Returns the namespace whose content is the root of a view.
pub(crate) fn mount_of(record: &ViewRecord) -> Option<&MountRecord> {
    record.namespaces.get(&Namespace::main()).filter(|mount| mount.prefix.is_empty())
}

/// Describes a view that shows `head` and nothing else.
pub(crate) fn record_of(head: &Head, view: ViewName, layout: Layout, flipped_ms: u64) -> ViewRecord {
    let mount = MountRecord {
        prefix: String::new(),
        epoch: head.epoch,
        revision: head.revision,
        commit: head.commit,
        source_tree: head.tree,
        effective_tree: head.tree,
        landed_ms: head.time_ms,
        traceparent: head.traceparent.clone(),
    };
    ViewRecord { view, layout, flipped_ms, namespaces: BTreeMap::from([(Namespace::main(), mount)]) }
}

/// Returns a name for a view of `head` that is not on the disk. Hosts with the same content choose the same one,
/// unless one of them has to make it again beside a damaged one.
pub(crate) fn free_name(root: &Root, head: &Head) -> ViewName {
    let name = |attempt: u64| {
        let mounts = if attempt == 0 { format!("\t{}\n", head.tree) } else { format!("\t{}\n{attempt}\n", head.tree) };
        // A hash that is not taken would only be one that carries a collision attack, which this text cannot.
        let bytes = blob_id(mounts.as_bytes()).map(|id| *id.as_bytes()).unwrap_or_default();
        ViewName::new(head.revision, u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let is_free = |name: &ViewName| root.view(name).symlink_metadata().is_err();
    (0..).map(name).find(is_free).expect("a folder holds fewer names than there are numbers")
}

/// Writes the record beside a view, durably except for its name.
pub(crate) fn write_record(disk: &RootDisk, record: &ViewRecord) -> Result<(), DiskError> {
    let json = serde_json::to_vec_pretty(record).expect("a record has only strings as keys");
    disk.replace(&disk.root.record(&record.view), &json, Durable::Now)
}

/// Reads the record beside a view; `None` when there is none that belongs to it.
pub(crate) fn read_record(root: &Root, view: &ViewName) -> Option<ViewRecord> {
    let mut json = Vec::new();
    fs::File::open(root.record(view)).ok()?.take(RECORD_BYTES_MAX).read_to_end(&mut json).ok()?;
    let record: ViewRecord = serde_json::from_slice(&json).ok()?;
    (record.view == *view && mount_of(&record).is_some()).then_some(record)
}

/// Returns the view that `current` names.
pub(crate) fn current(root: &Root) -> Option<ViewName> {
    let target = fs::read_link(root.current()).ok()?;
    let name: ViewName = target.file_name()?.to_str()?.parse().ok()?;
    (target == Root::link_target(&name)).then_some(name)
}

/// Makes `current` name a view: the one step in which all readers move.
///
/// Returns whether that will survive a power failure; readers see it either way.
pub(crate) fn flip(disk: &RootDisk, view: &ViewName) -> Result<bool, DiskError> {
    let scratch = disk.scratch();
    disk.symlink(&Root::link_target(view), &scratch)?;
    disk.rename(&scratch, &disk.root.current())?;
    let synced = disk.sync_dir(disk.root.path());
    Ok(synced
        .inspect_err(|error| tracing::warn!(%error, "{view} is visible but may not survive a power failure"))
        .is_ok())
}
