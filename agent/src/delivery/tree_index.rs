//! The directories a host holds, in memory.

use configbus_model::{EntryMode, Tree, TreeId};
use std::collections::{HashMap, HashSet};

/// How much is below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    /// Files and directories, counted once for each path.
    pub(crate) entries: u64,
    /// Levels of directories, the directory itself included.
    pub(crate) levels: u64,
}

impl Extent {
    /// Measures a directory whose sub-directories were measured.
    pub(crate) fn of(tree: &Tree, measured: impl Fn(TreeId) -> Option<Self>) -> Self {
        let add = |sum: Self, entry: configbus_model::TreeEntry<'_>| {
            let directory = entry.mode == EntryMode::Directory;
            let below = directory.then(|| measured(entry.id.into())).flatten().unwrap_or_default();
            Self {
                entries: sum.entries.saturating_add(1).saturating_add(below.entries),
                levels: sum.levels.max(below.levels + 1),
            }
        };
        tree.entries().fold(Self { entries: 0, levels: 1 }, add)
    }
}

/// Trees whose whole content is on this host: whoever finds one here need not look further down.
#[derive(Debug, Default)]
pub(crate) struct TreeIndex {
    trees: HashMap<TreeId, (Tree, Extent)>,
}

impl TreeIndex {
    pub(crate) fn get(&self, id: TreeId) -> Option<&Tree> {
        self.trees.get(&id).map(|(tree, _)| tree)
    }

    pub(crate) fn extent(&self, id: TreeId) -> Option<Extent> {
        self.trees.get(&id).map(|(_, extent)| *extent)
    }

    /// Adds a tree whose content is on this host.
    pub(crate) fn insert(&mut self, id: TreeId, tree: Tree) {
        let extent = Extent::of(&tree, |id| self.extent(id));
        self.trees.insert(id, (tree, extent));
    }

    pub(crate) fn clear(&mut self) {
        self.trees.clear();
    }

    /// Returns the held trees that are reachable from `roots`.
    pub(crate) fn reachable(&self, roots: impl IntoIterator<Item = TreeId>) -> HashSet<TreeId> {
        let mut found = HashSet::new();
        let mut waiting: Vec<_> = roots.into_iter().collect();
        while let Some(id) = waiting.pop() {
            let Some(tree) = self.get(id).filter(|_| found.insert(id)) else { continue };
            let directories = tree.entries().filter(|entry| entry.mode == EntryMode::Directory);
            waiting.extend(directories.map(|entry| TreeId::from(entry.id)));
        }
        found
    }

    /// Forgets all others.
    pub(crate) fn retain(&mut self, keep: &HashSet<TreeId>) {
        self.trees.retain(|id, _| keep.contains(id));
        self.trees.shrink_to_fit();
    }
}
