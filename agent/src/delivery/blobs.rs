//! `blobs/`: the content of every file, once, under the id computed from it.
//!
//! A blob gets its name only after its content is on the disk, so whatever has a name here is complete.

use super::{Content, DeliveryError, DiskError, DiskUsage, Durable, RootDisk, SINGLE_SYNCS_MAX, Stagings};
use configbus_model::{BlobId, blob_id};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Mode of a file: hard links share it, which is why an executable is a blob of its own.
pub(crate) fn mode(executable: bool) -> u32 {
    if executable { 0o555 } else { 0o444 }
}

/// Writes the needed blobs that are not here, content first, then names; returns how many and their bytes.
pub(crate) fn write(
    disk: &RootDisk,
    staging: &Stagings,
    needed: &BTreeSet<(BlobId, bool)>,
) -> Result<DiskUsage, DeliveryError> {
    let absent = |&&(id, executable): &&(BlobId, bool)| !disk.root.blob(id, executable).exists();
    let absent: Vec<_> = needed.iter().filter(absent).copied().collect();
    let spilled = !staging.spilled().is_empty();
    let durable = if spilled || absent.len() > SINGLE_SYNCS_MAX { Durable::Later } else { Durable::Now };
    let (mut written, mut usage) = (Vec::with_capacity(absent.len()), DiskUsage::default());
    for (id, executable) in absent {
        let Some(content) = staging.blob(id) else { continue };
        let (scratch, bytes) = place(disk, content, executable, durable)?;
        usage.add(bytes);
        written.push((scratch, disk.root.blob(id, executable)));
    }
    if durable == Durable::Later && !written.is_empty() {
        disk.sync_file_system()?;
    }
    written.iter().try_for_each(|(scratch, blob)| disk.rename(scratch, blob))?;
    Ok(usage)
}

/// Puts a content into a temporary file of the right mode; returns it and its size.
fn place(
    disk: &RootDisk,
    content: &Content,
    executable: bool,
    durable: Durable,
) -> Result<(PathBuf, u64), DeliveryError> {
    let scratch = disk.scratch();
    let bytes = match content {
        Content::Memory(bytes) => bytes.clone(),
        // It was written as a file that is not executable: its name is all that changes.
        Content::Spilled(path) if !executable => {
            let size = path.metadata().map_err(DiskError::at("look at", path))?.len();
            return Ok((path.clone(), size));
        }
        Content::Spilled(path) => fs::read(path).map_err(DiskError::at("read", path))?.into(),
    };
    disk.write_new(&scratch, &bytes, mode(executable), durable)?;
    Ok((scratch, bytes.len() as u64))
}

/// Moves the contents of a large update out of memory.
pub(crate) fn spill(disk: &RootDisk, staging: &mut Stagings) -> Result<(), DiskError> {
    staging.spill(|_, bytes| {
        let scratch = disk.scratch();
        disk.write_new(&scratch, bytes, mode(false), Durable::Later).map(|()| scratch)
    })
}

/// Makes `link` a name of a blob. `place` says where in the tree, for the error.
pub(crate) fn link(
    disk: &RootDisk,
    (id, executable): (BlobId, bool),
    link: &Path,
    place: impl FnOnce() -> String,
) -> Result<(), DeliveryError> {
    let blob = disk.root.blob(id, executable);
    let linked = match disk.try_hard_link(&blob, link).map_err(|error| (error.kind(), error)) {
        // The file system allows no more names: those there are stay, further ones are of a second copy.
        Err((io::ErrorKind::TooManyLinks, _)) => {
            copy(disk, &blob, (id, executable))?;
            disk.try_hard_link(&blob, link)
        }
        // Only the mode changed, so the content is here under its other name.
        Err((io::ErrorKind::NotFound, _)) if disk.root.blob(id, !executable).exists() => {
            copy(disk, &disk.root.blob(id, !executable), (id, executable))?;
            disk.try_hard_link(&blob, link)
        }
        Err((io::ErrorKind::NotFound, _)) if !blob.exists() => {
            return Err(DeliveryError::Missing { kind: "blob", id: id.into(), place: place() });
        }
        linked => linked.map_err(|(_, error)| error),
    };
    Ok(linked.map_err(DiskError::at("link", link))?)
}

/// Puts a copy of the content in `from` in the place of a blob.
fn copy(disk: &RootDisk, from: &Path, (id, executable): (BlobId, bool)) -> Result<(), DeliveryError> {
    let content = fs::read(from).map_err(DiskError::at("read", from))?;
    if blob_id(&content)? != id {
        disk.discard(from)?;
        return Err(DeliveryError::Missing {
            kind: "blob",
            id: id.into(),
            place: "blobs/, where it is damaged".into(),
        });
    }
    let scratch = disk.scratch();
    disk.write_new(&scratch, &content, mode(executable), Durable::Now)?;
    Ok(disk.rename(&scratch, &disk.root.blob(id, executable))?)
}

/// Reads the id and the executable bit from the name of a blob's file.
pub(crate) fn parse_name(path: &Path) -> Option<(BlobId, bool)> {
    let name = path.file_name()?.to_str()?;
    let (id, executable) = name.strip_suffix(".x").map_or((name, false), |id| (id, true));
    Some((id.parse().ok()?, executable))
}
