//! Putting a pack where Git finds it, in the order that survives a power cut.

use super::encode::EncodedPack;
use crate::disk::durable;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Writes pack and index under temporary names, syncs both; renames the pack, then the index, because the index is what
/// makes Git look for the pack; syncs the directory. When this returns, the objects are there for good.
///
/// Both are written before either is synced: a file system with a journal then syncs the second for nothing.
pub(crate) fn install(objects_dir: &Path, encoded: &EncodedPack) -> io::Result<()> {
    let dir = objects_dir.join("pack");
    let (pack, index) = (Temporary::beside(&dir, "pack"), Temporary::beside(&dir, "idx"));
    let (pack_file, index_file) =
        (durable::create_new(&pack.0, &encoded.pack)?, durable::create_new(&index.0, &encoded.index)?);
    pack_file.sync_all()?;
    index_file.sync_all()?;
    rename(&dir, &pack, &index, &format!("pack-{}", encoded.name))
}

/// Gives a pack whose content is durable its index and its name, which is returned.
pub(super) fn name(
    dir: &Path,
    (pack, index): (Temporary, Temporary),
    content: &[u8],
    checksum: [u8; 20],
) -> io::Result<String> {
    durable::create_new(&index.0, content)?.sync_all()?;
    let name = format!("pack-{}", hex::encode(checksum));
    rename(dir, &pack, &index, &name)?;
    Ok(name)
}

fn rename(dir: &Path, pack: &Temporary, index: &Temporary, name: &str) -> io::Result<()> {
    fs::rename(&pack.0, dir.join(format!("{name}.pack")))?;
    fs::rename(&index.0, dir.join(format!("{name}.idx")))?;
    durable::sync_dir(dir)
}

/// Syncs the names of packs that somebody else put there; their content `receive-pack` has synced.
pub(crate) fn sync_packs(objects_dir: &Path) -> io::Result<()> {
    durable::sync_dir(&objects_dir.join("pack"))
}

/// A file that goes when the work is not finished.
pub(super) struct Temporary(pub(super) PathBuf);

impl Temporary {
    /// Names a file that nobody else uses.
    pub(super) fn beside(dir: &Path, kind: &str) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Self(dir.join(format!("tmp_{kind}_configbus_{}_{number}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing here any more.
        let _ = fs::remove_file(&self.0);
    }
}
