//! A copy of what readers see that no reader has seen: the next view is made from it.

use super::{DeliveryError, DiskError, RootDisk, Trees, plain};
use configbus_model::{EntryMode, TreeEntry, TreeId};
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

/// Names made in one slice of quiet time.
const SLICE_NAMES: usize = 1_000;

/// A complete copy.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) path: PathBuf,
    root: TreeId,
}

/// Makes a copy slice by slice and hands it out once.
#[derive(Debug, Default)]
pub(super) struct Standby {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is there.
    #[default]
    Empty,
    /// Directories are being filled.
    Filling { copy: Ready, waiting: Vec<(PathBuf, TreeId)>, made: Vec<PathBuf> },
    /// It can be taken.
    Complete(Ready),
    /// The disk did not take a copy of this tree.
    GaveUp(TreeId),
}

impl Standby {
    /// Returns the copy if it is complete.
    pub(super) fn take(&mut self) -> Option<Ready> {
        match std::mem::take(&mut self.state) {
            State::Complete(ready) => Some(ready),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Returns the tree it shows or will show.
    pub(super) fn root(&self) -> Option<TreeId> {
        match &self.state {
            State::Filling { copy, .. } | State::Complete(copy) => Some(copy.root),
            State::Empty | State::GaveUp(_) => None,
        }
    }

    /// Removes what is there.
    pub(super) fn drop_all(&mut self, disk: &RootDisk) {
        if let State::Filling { copy, .. } | State::Complete(copy) = std::mem::take(&mut self.state) {
            disk.remove_all(&copy.path);
        }
    }

    /// Does a slice of a copy of `root`; returns whether there is more to do. A copy that has been started is finished
    /// even when readers see something newer by then: it differs by little.
    pub(super) fn prepare(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId) -> bool {
        match &self.state {
            State::Complete(_) => return false,
            State::GaveUp(tree) if *tree == root => return false,
            State::Filling { .. } => {}
            State::Empty | State::GaveUp(_) => self.state = start(disk, root),
        }
        let result = self.fill(disk, trees);
        if let Err(error) = &result {
            let cause = configbus_runtime::report::chain(error);
            tracing::debug!(cause, "no copy of what readers see is made");
            self.drop_all(disk);
            self.state = State::GaveUp(root);
        }
        result.unwrap_or(false)
    }

    fn fill(&mut self, disk: &RootDisk, trees: Trees<'_>) -> Result<bool, DeliveryError> {
        let State::Filling { waiting, made, .. } = &mut self.state else { return Ok(false) };
        let mut names = 0;
        while names < SLICE_NAMES {
            let Some((path, id)) = waiting.pop() else {
                // Durable from now on, so that only what is patched has to be synced later.
                disk.sync_dirs(made)?;
                if let State::Filling { copy, .. } = std::mem::take(&mut self.state) {
                    self.state = State::Complete(copy);
                }
                return Ok(false);
            };
            disk.create_dir(&path)?;
            for entry in trees.get(id)?.entries() {
                names += 1;
                let path = path.join(entry.name);
                match entry.mode {
                    EntryMode::Directory => waiting.push((path, entry.id.into())),
                    EntryMode::File | EntryMode::Executable => plain::link_file(disk, entry, &path)?,
                }
            }
            made.push(path);
        }
        Ok(true)
    }
}

fn start(disk: &RootDisk, root: TreeId) -> State {
    let path = disk.standby();
    let waiting = vec![(path.clone(), root)];
    State::Filling { copy: Ready { path, root }, waiting, made: Vec::new() }
}

/// Makes `target` show `new` from a copy of something else; returns the directories that changed.
pub(super) fn patch(
    disk: &RootDisk,
    trees: Trees<'_>,
    copy: &Ready,
    new: TreeId,
    target: &Path,
) -> Result<Vec<PathBuf>, DeliveryError> {
    disk.rename(&copy.path, target)?;
    let mut changed = vec![target.to_owned()];
    patch_directory(disk, trees, (copy.root, new), target, &mut changed)?;
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
        changed.extend(plain::create(disk, trees, new.id.into(), path)?);
        return Ok(());
    }
    plain::link_file(disk, new, path)
}

fn remove(disk: &RootDisk, path: &Path) -> Result<(), DiskError> {
    let mut budget = usize::MAX;
    disk.remove_some(path, &mut budget).map(drop)
}
