//! How a view lies on the disk.

use super::{DeliveryError, RootDisk, TreeIndex};
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

/// The view that readers see, in the layout of the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before<'a> {
    pub(crate) root: TreeId,
    pub(crate) folder: &'a Path,
}

/// Makes a directory show a tree. Two implementations, one contract: [`super::plain::PlainLayout`] and
/// [`super::linked::LinkedLayout`].
pub(crate) trait ViewLayout: Send {
    /// Returns the name of the layout.
    fn layout(&self) -> Layout;

    /// Creates `target` with the content of `root`, all of it durable except the name of `target` itself.
    fn build(
        &mut self,
        disk: &RootDisk,
        trees: Trees<'_>,
        before: Option<Before<'_>>,
        root: TreeId,
        target: &Path,
    ) -> Result<(), DeliveryError>;

    /// Does a slice of what makes the delivery after `root` faster; returns whether there is more to do.
    fn prepare(&mut self, disk: &RootDisk, trees: Trees<'_>, root: TreeId) -> bool;

    /// Returns the trees that what was prepared relies on.
    fn prepared_roots(&self) -> Vec<TreeId>;

    /// Forgets shared directories that are about to be deleted.
    fn forget_all_but(&mut self, keep: &HashSet<TreeId>);

    /// Gives back the space of what was prepared.
    fn give_back(&mut self, disk: &RootDisk);

    /// Stops relying on what is on the disk.
    fn distrust(&mut self, disk: &RootDisk);
}
