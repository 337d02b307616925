//! Looking for what changed on the disk behind the agent's back.

use super::{BlobInodes, DiskDelivery, DiskError, ViewWalk, blobs};
use configbus_model::blob_id;
use std::{collections::HashSet, fs, os::unix::fs::MetadataExt as _, path::Path};

/// What hashing a blob again showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is what its name says, and this long.
    Sound(u64),
    /// It is not there any more.
    Gone,
    /// Its content or its name is wrong.
    Damaged,
}

/// Hashes one blob.
pub(super) fn check_blob(path: &Path) -> Checked {
    let Ok(content) = fs::read(path) else {
        return if path.symlink_metadata().is_ok() { Checked::Damaged } else { Checked::Gone };
    };
    let mode = path.symlink_metadata().map(|metadata| metadata.mode() & 0o777).ok();
    let sound = blobs::parse_name(path).is_some_and(|(id, executable)| {
        mode == Some(blobs::mode(executable)) && blob_id(&content).is_ok_and(|actual| actual == id)
    });
    if sound { Checked::Sound(content.len() as u64) } else { Checked::Damaged }
}

/// Verifies the view readers see as a restart would.
pub(super) fn check_view(delivery: &mut DiskDelivery) -> Result<Option<String>, DiskError> {
    let Some(shown) = &delivery.shown else { return Ok(None) };
    let inodes = BlobInodes::scan(&delivery.disk)?;
    let (known, folder) = (HashSet::new(), delivery.disk.root.view(&shown.view));
    let walk = ViewWalk::new(&delivery.disk, &inodes, &known, shown.flipped_ms);
    let damage = walk.verify(&folder, shown.effective_tree).err().map(|damage| damage.to_string());
    give_up(delivery, damage.clone());
    Ok(damage)
}

/// Relies on nothing any more, so that the next full sync makes everything anew.
pub(super) fn give_up(delivery: &mut DiskDelivery, damage: Option<String>) {
    let Some(damage) = damage else { return };
    tracing::error!(damage, "what readers see is damaged");
    delivery.damage = Some(damage);
    delivery.index.clear();
    delivery.layout.distrust(&delivery.disk);
}
