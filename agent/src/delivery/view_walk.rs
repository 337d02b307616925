//! Reads a view back: what is on the disk, not what a record says.
//!
//! Files are recognised by their inode, which is that of a blob, so a restart does not read the content of a hundred
//! thousand files. What is not recognised, or was written to after the view became visible, is hashed.

use super::{DiskError, RootDisk};
use configbus_model::{BlobId, EntryMode, HashError, Tree, TreeEntry, TreeId, blob_id};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Deepest nesting that is followed; damaged symlinks may form a circle.
const DEPTH_MAX: usize = 64;

/// A view is not what it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ViewDamage {
    #[error("view has no readable record")]
    Record,
    #[error(transparent)]
    Unreadable(#[from] DiskError),
    #[error("{path:?} is neither a file nor a directory of the agent")]
    Foreign { path: PathBuf },
    #[error("{path:?} shows tree {actual}, expected {expected}")]
    Content { path: PathBuf, actual: TreeId, expected: TreeId },
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Which inode holds which blob.
#[derive(Debug, Default)]
pub(crate) struct BlobInodes {
    blobs: HashMap<u64, (BlobId, bool)>,
}

impl BlobInodes {
    /// Looks at every blob's name; names that are no blob are ignored.
    pub(crate) fn scan(disk: &RootDisk) -> Result<Self, DiskError> {
        let folder = disk.root.blobs();
        let mut blobs = HashMap::new();
        for entry in fs::read_dir(&folder).map_err(DiskError::at("list", &folder))? {
            let entry = entry.map_err(DiskError::at("list", &folder))?;
            if let Some(blob) = super::blobs::parse_name(&entry.path()) {
                let metadata = entry.metadata().map_err(DiskError::at("look at", entry.path()))?;
                blobs.insert(metadata.ino(), blob);
            }
        }
        Ok(Self { blobs })
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Every directory of the view, sub-directories first.
    pub(crate) trees: Vec<(TreeId, Tree)>,
    /// Shared directories that were met.
    pub(crate) shared: HashSet<TreeId>,
}

/// Walks views; what it has seen of shared directories it does not look at again.
pub(crate) struct ViewWalk<'a> {
    disk: &'a RootDisk,
    inodes: &'a BlobInodes,
    known: &'a HashSet<TreeId>,
    hashed: HashMap<u64, BlobId>,
    trusted_until_ms: u64,
    found: Walked,
}

impl<'a> ViewWalk<'a> {
    /// Prepares a walk through a view that became visible at `flipped_ms`; `known` are shared directories that were
    /// verified before.
    pub(crate) fn new(disk: &'a RootDisk, inodes: &'a BlobInodes, known: &'a HashSet<TreeId>, flipped_ms: u64) -> Self {
        Self { disk, inodes, known, hashed: HashMap::new(), trusted_until_ms: flipped_ms, found: Walked::default() }
    }

    /// Verifies that `view` shows the tree `expected`.
    pub(crate) fn verify(mut self, view: &Path, expected: TreeId) -> Result<Walked, ViewDamage> {
        let actual = self.directory(view, 0)?;
        if actual == expected {
            Ok(self.found)
        } else {
            Err(ViewDamage::Content { path: view.to_owned(), actual, expected })
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) -> Result<TreeId, ViewDamage> {
        if depth > DEPTH_MAX {
            return Err(ViewDamage::Foreign { path: path.to_owned() });
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(DiskError::at("list", path))? {
            let entry = entry.map_err(DiskError::at("list", path))?;
            let foreign = || ViewDamage::Foreign { path: entry.path() };
            let name = entry.file_name().into_string().map_err(|_| foreign())?;
            let metadata = entry.metadata().map_err(DiskError::at("look at", entry.path()))?;
            entries.push((name, self.entry(&entry.path(), &metadata, depth)?));
        }
        let entries = entries.iter().map(|(name, (mode, id))| TreeEntry { name, mode: *mode, id: *id });
        let tree = Tree::build(entries);
        let id = tree.id()?;
        self.found.trees.push((id, tree));
        Ok(id)
    }

    fn entry(
        &mut self,
        path: &Path,
        metadata: &Metadata,
        depth: usize,
    ) -> Result<(EntryMode, configbus_model::ObjectId), ViewDamage> {
        if metadata.is_dir() {
            return Ok((EntryMode::Directory, self.directory(path, depth + 1)?.into()));
        }
        if metadata.is_symlink() {
            return Ok((EntryMode::Directory, self.shared(path, depth + 1)?.into()));
        }
        if !metadata.is_file() {
            return Err(ViewDamage::Foreign { path: path.to_owned() });
        }
        let executable = metadata.permissions().mode() & 0o100 != 0;
        let mode = if executable { EntryMode::Executable } else { EntryMode::File };
        Ok((mode, self.file(path, metadata, executable)?.into()))
    }

    /// Follows a symlink to a shared directory.
    fn shared(&mut self, link: &Path, depth: usize) -> Result<TreeId, ViewDamage> {
        let target = fs::read_link(link).map_err(DiskError::at("read", link))?;
        let id = target.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let expected: TreeId = id.ok_or_else(|| ViewDamage::Foreign { path: link.to_owned() })?;
        let folder = self.disk.root.tree(expected);
        // A reader goes through the link, so it must lead to the directory it names.
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let [led, meant] = [fs::metadata(link), folder.symlink_metadata()].map(|found| found.map(identity).ok());
        if led.is_none() || led != meant {
            return Err(ViewDamage::Foreign { path: link.to_owned() });
        }
        if self.known.contains(&expected) || self.found.shared.contains(&expected) {
            return Ok(expected);
        }
        let actual = self.directory(&folder, depth)?;
        if actual != expected {
            return Err(ViewDamage::Content { path: folder, actual, expected });
        }
        self.found.shared.insert(expected);
        Ok(expected)
    }

    fn file(&mut self, path: &Path, metadata: &Metadata, executable: bool) -> Result<BlobId, ViewDamage> {
        let written_ms = metadata.mtime().saturating_mul(1_000).saturating_add(metadata.mtime_nsec() / 1_000_000);
        let untouched = u64::try_from(written_ms).is_ok_and(|written| written <= self.trusted_until_ms);
        let named = self.inodes.blobs.get(&metadata.ino()).copied();
        let id =
            match named.map(|(id, _)| id).filter(|_| untouched).or_else(|| self.hashed.get(&metadata.ino()).copied()) {
                Some(id) => id,
                None => blob_id(&fs::read(path).map_err(DiskError::at("read", path))?)?,
            };
        self.hashed.insert(metadata.ino(), id);
        match named {
            // The blob itself was altered, and with it every view that shows it: nothing new may be made from it.
            Some(blob) if blob != (id, executable) => self.disk.discard(&self.disk.root.blob(blob.0, blob.1))?,
            None if metadata.permissions().mode() & 0o777 == super::blobs::mode(executable) => {
                // A power failure may have taken the blob's own name; an existing one is left alone.
                let _ = self.disk.try_hard_link(path, &self.disk.root.blob(id, executable));
            }
            _ => {}
        }
        Ok(id)
    }
}
