//! The layout `linked`: one immutable directory per Git tree, shared by all views.
//!
//! Strictly the cost of the change, at any rate of changes; the price is that tools have to follow symlinks
//! (`find -L`, `grep -R`) and that `..` leads out of the view.

use super::{DeliveryError, DiskError, RootDisk, Trees, ViewLayout, blobs};
use configbus_model::{EntryMode, Layout, TreeEntry, TreeId};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LinkedLayout {
    /// Trees whose directory is known to be complete.
    built: HashSet<TreeId>,
}

impl LinkedLayout {
    /// Starts with the directories that were verified on disk.
    pub(crate) fn with(built: HashSet<TreeId>) -> Self {
        Self { built }
    }
}

/// A directory that is complete but has no name yet.
struct Made {
    id: TreeId,
    scratch: PathBuf,
}

impl ViewLayout for LinkedLayout {
    fn layout(&self) -> Layout {
        Layout::Linked
    }

    fn build(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId, target: &Path) -> Result<(), DeliveryError> {
        let mut maker = Maker { disk, trees, built: &self.built, met: HashSet::new(), made: Vec::new() };
        maker.make_below(root)?;
        let made = maker.made;
        fill(disk, trees, root, target, Path::new("../../trees"))?;
        let mut folders: Vec<_> = made.iter().map(|made| made.scratch.clone()).collect();
        folders.push(target.to_owned());
        // A directory gets its name after its content is durable: whatever is in trees/ is complete.
        disk.sync_dirs(&folders)?;
        let named = !made.is_empty();
        for made in made {
            place(disk, &made)?;
            self.built.insert(made.id);
        }
        if named { Ok(disk.sync_dir(&disk.root.trees())?) } else { Ok(()) }
    }

    fn prepare(&mut self, _: &RootDisk, _: Trees<'_>, _: TreeId) -> bool {
        false
    }

    fn prepared_roots(&self) -> Vec<TreeId> {
        Vec::new()
    }

    fn forget_all_but(&mut self, keep: &HashSet<TreeId>) {
        self.built.retain(|id| keep.contains(id));
    }

    fn give_back(&mut self, _: &RootDisk) {}

    fn distrust(&mut self, _: &RootDisk) {
        self.built.clear();
    }
}

/// Makes the directories that are not there yet.
struct Maker<'a> {
    disk: &'a RootDisk,
    trees: Trees<'a>,
    built: &'a HashSet<TreeId>,
    met: HashSet<TreeId>,
    made: Vec<Made>,
}

impl Maker<'_> {
    /// Makes every directory below `id` that is not built, sub-directories first.
    fn make_below(&mut self, id: TreeId) -> Result<(), DeliveryError> {
        let directories = self.trees.get(id)?.entries().filter(|entry| entry.mode == EntryMode::Directory);
        for id in directories.map(|entry| TreeId::from(entry.id)) {
            if self.built.contains(&id) || !self.met.insert(id) {
                continue;
            }
            self.make_below(id)?;
            let scratch = self.disk.scratch();
            fill(self.disk, self.trees, id, &scratch, Path::new(".."))?;
            self.made.push(Made { id, scratch });
        }
        Ok(())
    }
}

/// Creates one directory: files as hard links, sub-directories as symlinks that start with `shared`.
fn fill(disk: &RootDisk, trees: Trees<'_>, id: TreeId, target: &Path, shared: &Path) -> Result<(), DeliveryError> {
    disk.create_dir(target)?;
    for TreeEntry { name, mode, id } in trees.get(id)?.entries() {
        let link = target.join(name);
        if mode == EntryMode::Directory {
            disk.symlink(&shared.join(TreeId::from(id).to_string()), &link)?;
        } else {
            blobs::link(disk, (id.into(), mode == EntryMode::Executable), &link, || name.to_owned())?;
        }
    }
    Ok(())
}

/// Gives a directory its name. One of that name that nobody vouches for is swapped out, never missing for a moment.
fn place(disk: &RootDisk, made: &Made) -> Result<(), DiskError> {
    let tree = disk.root.tree(made.id);
    if tree.symlink_metadata().is_ok() {
        disk.exchange(&made.scratch, &tree)?;
        disk.discard(&made.scratch)
    } else {
        disk.rename(&made.scratch, &tree)
    }
}
