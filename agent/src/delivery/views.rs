//! The views of a root: their records, their names and the one that `current` shows.

use super::{DiskError, Durable, Mounted, RootDisk, Vector};
use crate::Root;
use configbus_model::{
    Composition, ConfigPath, Head, Layout, MountRecord, Namespace, TreeId, ViewName, ViewRecord, blob_id,
};
use std::{fs, io::Read as _, time::Duration};

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

/// Describes a view of `vector` whose trees are those of `composed`.
pub(crate) fn record_of(
    vector: &Vector,
    composed: &Composition,
    view: ViewName,
    layout: Layout,
    flipped_ms: u64,
) -> ViewRecord {
    let main = (Namespace::main(), mount_record(String::new(), &vector.main, composed.root));
    let mounted = vector.mounted.iter().zip(&composed.parts).map(|((namespace, mounted), effective)| {
        (namespace.clone(), mount_record(mounted.prefix.to_string(), &mounted.head, *effective))
    });
    ViewRecord { view, layout, flipped_ms, namespaces: std::iter::once(main).chain(mounted).collect() }
}

fn mount_record(prefix: String, head: &Head, effective_tree: TreeId) -> MountRecord {
    MountRecord {
        prefix,
        epoch: head.epoch,
        revision: head.revision,
        commit: head.commit,
        source_tree: head.tree,
        effective_tree,
        landed_ms: head.time_ms,
        traceparent: head.traceparent.clone(),
    }
}

/// Returns what a view shows; `None` when its record contradicts itself.
pub(crate) fn vector_of(record: &ViewRecord) -> Option<Vector> {
    let main = mount_of(record)?.head();
    let others = record.namespaces.iter().filter(|(namespace, _)| **namespace != Namespace::main());
    let mounted = others.map(|(namespace, mount)| {
        let prefix = ConfigPath::parse(&mount.prefix).ok()?;
        Some((namespace.clone(), Mounted { prefix, head: mount.head() }))
    });
    Some(Vector { main, mounted: mounted.collect::<Option<_>>()? })
}

/// Returns a name for a view of `vector` that is not on the disk. Hosts with the same content choose the same one,
/// unless one of them has to make it again beside a damaged one.
pub(crate) fn free_name(root: &Root, vector: &Vector) -> ViewName {
    let others = vector.mounted.values().map(|mounted| format!("{}\t{}\n", mounted.prefix, mounted.head.tree));
    let mounts: String = std::iter::once(format!("\t{}\n", vector.main.tree)).chain(others).collect();
    let name = |attempt: u64| {
        let mounts = if attempt == 0 { mounts.clone() } else { format!("{mounts}{attempt}\n") };
        // A hash that is not taken would only be one that carries a collision attack, which this text cannot.
        let bytes = blob_id(mounts.as_bytes()).map(|id| *id.as_bytes()).unwrap_or_default();
        ViewName::new(vector.main.revision, u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
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
    (record.view == *view && vector_of(&record).is_some()).then_some(record)
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
