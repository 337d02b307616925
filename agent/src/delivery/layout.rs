//! How a view lies on the disk.

use super::{DeliveryError, DiskError, RootDisk, TreeIndex};
use configbus_model::{Layout, Tree, TreeId};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// Directories that are held and those of the update, as one.
#[derive(Clone, Copy)]
pub(crate) struct Trees<'a> {
    pub(crate) held: &'a TreeIndex,
    pub(crate) new: &'a HashMap<TreeId, Tree>,
}

impl<'a> Trees<'a> {
    pub(crate) fn get(&self, id: TreeId) -> Result<&'a Tree, DeliveryError> {
        let missing = || DeliveryError::Missing { kind: "tree", id: id.into(), place: "this host's memory".into() };
        self.new.get(&id).or_else(|| self.held.get(id)).ok_or_else(missing)
    }
}

/// Makes a directory show a tree. Two implementations, one contract: [`super::plain::PlainLayout`] and
/// [`super::linked::LinkedLayout`].
pub(crate) trait ViewLayout: Send {
    /// Returns the name of the layout.
    fn layout(&self) -> Layout;

    /// Creates `target` with the content of `root`, all of it durable except the name of `target` itself.
    fn build(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId, target: &Path) -> Result<(), DeliveryError>;

    /// Takes a view that nobody reads any more, if it is of use for a later one; returns whether it did.
    fn recycle(&mut self, disk: &RootDisk, view: &Path, root: TreeId) -> Result<bool, DiskError>;

    /// Returns the roots of the views it took and still holds.
    fn recycled_roots(&self) -> Vec<TreeId>;

    /// Forgets shared directories that are about to be deleted.
    fn forget_all_but(&mut self, keep: &HashSet<TreeId>);

    /// Stops relying on what is on the disk.
    fn distrust(&mut self, disk: &RootDisk);
}
