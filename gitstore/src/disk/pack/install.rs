//! Putting a pack where Git finds it, in the order that survives a power cut.

use super::encode::EncodedPack;
use crate::disk::durable;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A pack and its index under temporary names, written but not synced.
pub(crate) struct Written {
    dir: PathBuf,
    name: String,
    pack: (Temporary, File),
    index: (Temporary, File),
}

/// Writes pack and index.
pub(crate) fn write(objects_dir: &Path, encoded: &EncodedPack) -> io::Result<Written> {
    let dir = objects_dir.join("pack");
    let created = |kind, content: &[u8]| {
        let temporary = Temporary::beside(&dir, kind);
        let file = durable::create_new(&temporary.0, content)?;
        Ok::<_, io::Error>((temporary, file))
    };
    let (pack, index) = (created("pack", &encoded.pack)?, created("idx", &encoded.index)?);
    Ok(Written { name: format!("pack-{}", encoded.name), pack, index, dir })
}

impl Written {
    /// Returns what has to be synced before it gets its name, where no journal has it.
    fn files(&self) -> [&File; 2] {
        [&self.pack.1, &self.index.1]
    }

    /// Renames the pack, then the index, because the index is what makes Git look for the pack. Nothing is synced.
    pub(crate) fn publish(self) -> io::Result<()> {
        rename(&self.dir, &self.pack.0, &self.index.0, &self.name)
    }
}

/// Puts a pack there for good.
pub(crate) fn install(objects_dir: &Path, encoded: &EncodedPack) -> io::Result<()> {
    let written = write(objects_dir, encoded)?;
    durable::sync_together(&written.files())?;
    written.publish()?;
    sync_packs(objects_dir)
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
    durable::sync_dir(dir)?;
    Ok(name)
}

fn rename(dir: &Path, pack: &Temporary, index: &Temporary, name: &str) -> io::Result<()> {
    fs::rename(&pack.0, dir.join(format!("{name}.pack")))?;
    fs::rename(&index.0, dir.join(format!("{name}.idx")))
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
