//! Looking for contents that changed on the disk behind the agent's back.
//!
//! Only blobs are hashed: they are what views are made of, and they can be looked at a few at a time. Names that were
//! moved about in a view are found at the next start, which reads all of it.

use super::{DiskDelivery, blobs};
use configbus_model::blob_id;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

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

/// Relies on nothing any more, so that the next full sync makes everything anew.
pub(super) fn give_up(delivery: &mut DiskDelivery, damage: String) {
    tracing::error!(damage, "what readers see is damaged: {damage}");
    delivery.damage = Some(damage);
    delivery.index.clear();
    delivery.layout.distrust(&delivery.disk);
}
