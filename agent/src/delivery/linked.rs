//! The layout `linked`: one immutable directory per Git tree, shared by all views.
//!
//! Strictly the cost of the change, at any rate of changes; the price is that tools have to follow symlinks
//! (`find -L`, `grep -R`) and that `..` leads out of the view.

use super::{Before, DeliveryError, DiskError, RootDisk, Trees, ViewLayout, blobs};
use configbus_model::{EntryMode, Layout, Tree, TreeEntry, TreeId};
use std::{
    collections::HashSet,
    fs,
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

    fn build(
        &mut self,
        disk: &RootDisk,
        trees: Trees<'_>,
        before: Option<Before<'_>>,
        root: TreeId,
        target: &Path,
    ) -> Result<(), DeliveryError> {
        let mut maker = Maker { disk, trees, built: &self.built, met: HashSet::new(), made: Vec::new() };
        maker.make_below(root, before.map(|before| before.root))?;
        let twin = before.and_then(|before| Some((trees.get(before.root).ok()?, before.folder.to_owned())));
        maker.fill(root, target, Path::new("../../trees"), twin.as_ref())?;
        let made = maker.made;
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

/// An earlier version of a directory, complete on the disk.
type Twin<'a> = (&'a Tree, PathBuf);

impl<'a> Maker<'a> {
    /// Makes every directory below `id` that is not built, sub-directories first. `before` is what stands in the same
    /// place of the view that readers see.
    fn make_below(&mut self, id: TreeId, before: Option<TreeId>) -> Result<(), DeliveryError> {
        let before = before.and_then(|before| self.trees.get(before).ok());
        for TreeEntry { name, id, .. } in directories(self.trees.get(id)?) {
            let id = TreeId::from(id);
            if self.built.contains(&id) || !self.met.insert(id) {
                continue;
            }
            let before = before.and_then(|before| directory(before, name));
            self.make_below(id, before)?;
            let scratch = self.disk.scratch();
            let twin = before.and_then(|before| self.twin(before));
            self.fill(id, &scratch, Path::new(".."), twin.as_ref())?;
            self.made.push(Made { id, scratch });
        }
        Ok(())
    }

    fn twin(&self, id: TreeId) -> Option<Twin<'a>> {
        let tree = self.trees.get(id).ok()?;
        self.built.contains(&id).then(|| (tree, self.disk.root.tree(id)))
    }

    /// Creates one directory: files as hard links, sub-directories as symlinks that start with `shared`.
    fn fill(&self, id: TreeId, target: &Path, shared: &Path, twin: Option<&Twin<'_>>) -> Result<(), DeliveryError> {
        self.disk.create_dir(target)?;
        for TreeEntry { name, mode, id } in self.trees.get(id)?.entries() {
            let link = target.join(name);
            if mode == EntryMode::Directory {
                let unchanged = twin.filter(|(tree, _)| directory(tree, name) == Some(id.into()));
                let original = unchanged.map(|(_, folder)| folder.join(name));
                point(self.disk, original.as_deref(), &shared.join(TreeId::from(id).to_string()), &link)?;
            } else {
                blobs::link(self.disk, (id.into(), mode == EntryMode::Executable), &link, || name.to_owned())?;
            }
        }
        Ok(())
    }
}

fn directories(tree: &Tree) -> impl Iterator<Item = TreeEntry<'_>> {
    tree.entries().filter(|entry| entry.mode == EntryMode::Directory)
}

fn directory(tree: &Tree, name: &str) -> Option<TreeId> {
    tree.get(name).filter(|entry| entry.mode == EntryMode::Directory).map(|entry| entry.id.into())
}

/// Creates a symlink as one more name of `original`, if that still leads there: a new inode costs several times a name,
/// and most of it when the directory is synced.
fn point(disk: &RootDisk, original: Option<&Path>, target: &Path, link: &Path) -> Result<(), DiskError> {
    let original = original.filter(|original| fs::read_link(original).is_ok_and(|leads_to| leads_to == target));
    // A file system allows so many names and no more; then it is a new symlink after all.
    match original.map(|original| disk.try_hard_link(original, link)) {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) | None => disk.symlink(target, link),
    }
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
