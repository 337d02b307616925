//! Putting a pack where Git finds it, in the order that survives a power cut.

use super::encode::EncodedPack;
use crate::disk::durable;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Writes pack and index, synced, under temporary names; renames the pack, then the index, because the index is what
/// makes Git look for the pack; syncs the directory. When this returns, the objects are there for good.
pub(crate) fn install(objects_dir: &Path, encoded: &EncodedPack) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let dir = objects_dir.join("pack");
    let unique = format!("{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let temporary = |kind: &str| Temporary(dir.join(format!("tmp_{kind}_configbus_{unique}")));
    let (pack, index) = (temporary("pack"), temporary("idx"));
    durable::write_new(&pack.0, &encoded.pack, 0o444)?;
    durable::write_new(&index.0, &encoded.index, 0o444)?;
    fs::rename(&pack.0, dir.join(format!("pack-{}.pack", encoded.name)))?;
    fs::rename(&index.0, dir.join(format!("pack-{}.idx", encoded.name)))?;
    durable::sync_dir(&dir)
}

/// Syncs the names of packs that somebody else put there; their content `receive-pack` has synced.
pub(crate) fn sync_packs(objects_dir: &Path) -> io::Result<()> {
    durable::sync_dir(&objects_dir.join("pack"))
}

/// A file that goes when the work is not finished.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing here any more.
        let _ = fs::remove_file(&self.0);
    }
}
