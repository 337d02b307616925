//! The layout `plain`: real directories of hard links, so that every tool behaves.
//!
//! A view is built afresh, which costs its number of files, unless there is a retired one nobody reads: that one is
//! patched, which costs the difference. Only views that collection would delete anyway are patched (retired for a
//! minute, not pinned), because somebody who still sits in one with an open directory would see newer files appear.

use super::{DeliveryError, DiskError, RootDisk, Trees, ViewLayout, blobs};
use configbus_model::{EntryMode, Layout, Tree, TreeEntry, TreeId};
use std::{
    collections::{HashMap, HashSet},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Most retired views kept for patching.
const SPARES_MAX: usize = 4;

/// Most threads that make hard links. More only wait for the file system's journal.
const LINKERS_MAX: usize = 4;

/// Directories from which on more than one thread links.
const PARALLEL_DIRECTORIES_MIN: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PlainLayout {
    spares: Vec<Spare>,
}

/// A retired view with a known content.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    root: TreeId,
}

impl ViewLayout for PlainLayout {
    fn layout(&self) -> Layout {
        Layout::Plain
    }

    fn build(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId, target: &Path) -> Result<(), DeliveryError> {
        let changed = match self.spares.pop() {
            // The newest spare is the one that differs least.
            Some(spare) => patch(disk, trees, &spare, root, target).inspect_err(|_| disk.remove_all(&spare.path))?,
            None => create(disk, trees, root, target)?,
        };
        Ok(disk.sync_dirs(&changed)?)
    }

    fn recycle(&mut self, disk: &RootDisk, view: &Path, root: TreeId) -> Result<bool, DiskError> {
        if self.spares.len() >= SPARES_MAX {
            return Ok(false);
        }
        let path = disk.spare();
        disk.rename(view, &path)?;
        self.spares.push(Spare { path, root });
        Ok(true)
    }

    fn recycled_roots(&self) -> Vec<TreeId> {
        self.spares.iter().map(|spare| spare.root).collect()
    }

    fn forget_all_but(&mut self, _: &HashSet<TreeId>) {}

    fn distrust(&mut self, disk: &RootDisk) {
        for spare in self.spares.drain(..) {
            disk.remove_all(&spare.path);
        }
    }
}

/// Creates a directory with everything below it; returns all directories.
fn create(disk: &RootDisk, trees: Trees<'_>, root: TreeId, target: &Path) -> Result<Vec<PathBuf>, DeliveryError> {
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

fn link_file(disk: &RootDisk, entry: TreeEntry<'_>, link: &Path) -> Result<(), DeliveryError> {
    let executable = entry.mode == EntryMode::Executable;
    blobs::link(disk, (entry.id.into(), executable), link, || entry.name.to_owned())
}

/// Makes `target` show `new` from what a retired view has; returns the directories that changed.
///
/// The top directory is a new one: a reader that opened the retired view and comes to itself only now must not find
/// that it became the current one under its hands.
fn patch(
    disk: &RootDisk,
    trees: Trees<'_>,
    spare: &Spare,
    new: TreeId,
    target: &Path,
) -> Result<Vec<PathBuf>, DeliveryError> {
    disk.create_dir(target)?;
    let mut changed = vec![target.to_owned()];
    let old = trees.get(spare.root)?;
    for entry in trees.get(new)?.entries() {
        let path = target.join(entry.name);
        match old.get(entry.name).filter(|old| (old.mode, entry.mode) == (EntryMode::Directory, EntryMode::Directory)) {
            Some(old) => {
                disk.rename(&spare.path.join(entry.name), &path)?;
                patch_directory(disk, trees, (old.id.into(), entry.id.into()), &path, &mut changed)?;
            }
            None => patch_entry(disk, trees, (None, entry), &path, &mut changed)?,
        }
    }
    disk.discard(&spare.path)?;
    Ok(changed)
}

fn patch_directory(
    disk: &RootDisk,
    trees: Trees<'_>,
    (old, new): (TreeId, TreeId),
    path: &Path,
    changed: &mut Vec<PathBuf>,
) -> Result<(), DeliveryError> {
    if old == new {
        return Ok(());
    }
    let (old, new) = (trees.get(old)?, trees.get(new)?);
    let before: HashMap<_, _> = old.entries().map(|entry| (entry.name, entry)).collect();
    let kept: HashSet<_> = new.entries().map(|entry| entry.name).collect();
    for gone in before.keys().filter(|name| !kept.contains(*name)) {
        remove(disk, &path.join(gone))?;
    }
    for entry in new.entries() {
        patch_entry(disk, trees, (before.get(entry.name), entry), &path.join(entry.name), changed)?;
    }
    changed.push(path.to_owned());
    Ok(())
}

fn patch_entry(
    disk: &RootDisk,
    trees: Trees<'_>,
    (old, new): (Option<&TreeEntry<'_>>, TreeEntry<'_>),
    path: &Path,
    changed: &mut Vec<PathBuf>,
) -> Result<(), DeliveryError> {
    use EntryMode::Directory;
    match old {
        Some(old) if (old.mode, old.id) == (new.mode, new.id) => return Ok(()),
        Some(old) if (old.mode, new.mode) == (Directory, Directory) => {
            return patch_directory(disk, trees, (old.id.into(), new.id.into()), path, changed);
        }
        Some(_) => remove(disk, path)?,
        None => {}
    }
    if new.mode == Directory {
        changed.extend(create(disk, trees, new.id.into(), path)?);
        return Ok(());
    }
    link_file(disk, new, path)
}

fn remove(disk: &RootDisk, path: &Path) -> Result<(), DiskError> {
    let mut budget = usize::MAX;
    disk.remove_some(path, &mut budget).map(drop)
}
