//! The layout `plain`: real directories of hard links, so that every tool behaves.
//!
//! A view costs its number of files, so a copy of what readers see is made in quiet times and only the difference is
//! left to do when a revision arrives. Patching a *retired* view would cost the difference alone, but whatever was
//! edited or removed in it by hand while it was visible would come back with it, and whoever still sits in one of its
//! directories would see newer files appear: what readers have seen once is never touched again.

use super::{Before, DeliveryError, RootDisk, Standby, Trees, ViewLayout, blobs, standby};
use configbus_model::{EntryMode, Layout, Tree, TreeEntry, TreeId};
use std::{
    collections::HashSet,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Most threads that make hard links. More only wait for the file system's journal.
const LINKERS_MAX: usize = 4;

/// Directories from which on more than one thread links.
const PARALLEL_DIRECTORIES_MIN: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PlainLayout {
    standby: Standby,
}

impl ViewLayout for PlainLayout {
    fn layout(&self) -> Layout {
        Layout::Plain
    }

    fn build(
        &mut self,
        disk: &RootDisk,
        trees: Trees<'_>,
        _: Option<Before<'_>>,
        root: TreeId,
        target: &Path,
    ) -> Result<(), DeliveryError> {
        let changed = match self.standby.take() {
            Some(ready) => {
                standby::patch(disk, trees, &ready, root, target).inspect_err(|_| disk.remove_all(&ready.path))?
            }
            None => create(disk, trees, root, target)?,
        };
        Ok(disk.sync_dirs(&changed)?)
    }

    fn prepare(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId) -> bool {
        self.standby.prepare(disk, trees, root)
    }

    fn prepared_roots(&self) -> Vec<TreeId> {
        self.standby.root().into_iter().collect()
    }

    fn forget_all_but(&mut self, _: &HashSet<TreeId>) {}

    fn give_back(&mut self, disk: &RootDisk) {
        self.standby.drop_all(disk);
    }

    fn distrust(&mut self, disk: &RootDisk) {
        self.standby.drop_all(disk);
    }
}

/// Creates a directory with everything below it; returns all directories.
pub(super) fn create(
    disk: &RootDisk,
    trees: Trees<'_>,
    root: TreeId,
    target: &Path,
) -> Result<Vec<PathBuf>, DeliveryError> {
    let mut directories = Vec::new();
    create_directories(disk, trees, root, target, &mut directories)?;
    link_files(disk, &directories)?;
    Ok(directories.into_iter().map(|(path, _)| path).collect())
}

fn create_directories<'a>(
    disk: &RootDisk,
    trees: Trees<'a>,
    id: TreeId,
    path: &Path,
    directories: &mut Vec<(PathBuf, &'a Tree)>,
) -> Result<(), DeliveryError> {
    disk.create_dir(path)?;
    let tree = trees.get(id)?;
    directories.push((path.to_owned(), tree));
    for entry in tree.entries().filter(|entry| entry.mode == EntryMode::Directory) {
        create_directories(disk, trees, entry.id.into(), &path.join(entry.name), directories)?;
    }
    Ok(())
}

/// Links the files of all directories, on several threads when there are many.
fn link_files(disk: &RootDisk, directories: &[(PathBuf, &Tree)]) -> Result<(), DeliveryError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let linkers = if directories.len() < PARALLEL_DIRECTORIES_MIN { 1 } else { cores.min(LINKERS_MAX) };
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some((path, tree)) = directories.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = link_directory(disk, tree, path) {
                next.store(directories.len(), Ordering::Relaxed);
                *failure.lock().expect("no linker panics while it holds the lock") = Some(error);
            }
        }
    };
    std::thread::scope(|scope| {
        (1..linkers).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    failure.into_inner().expect("no linker panics while it holds the lock").map_or(Ok(()), Err)
}

fn link_directory(disk: &RootDisk, tree: &Tree, path: &Path) -> Result<(), DeliveryError> {
    let files = tree.entries().filter(|entry| entry.mode != EntryMode::Directory);
    files.into_iter().try_for_each(|entry| link_file(disk, entry, &path.join(entry.name)))
}

pub(super) fn link_file(disk: &RootDisk, entry: TreeEntry<'_>, link: &Path) -> Result<(), DeliveryError> {
    let executable = entry.mode == EntryMode::Executable;
    blobs::link(disk, (entry.id.into(), executable), link, || entry.name.to_owned())
}
