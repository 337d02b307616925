//! How many files differ, told without listing them.
//!
//! A tree that repeats itself ten times on each of thirty levels is small to push and has more paths than there are atoms.
//! Each pair of directories is counted once, wherever it stands, so the cost is that of the objects and not of the paths.

use crate::{
    ReadError,
    read::tree_lookup::{DEPTH_MAX, TreeLookup},
};
use configbus_model::{EntryMode, Tree, TreeId};
use std::collections::HashMap;

/// Files that differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PathCount {
    /// How many.
    pub(crate) files: u64,
    /// Bytes of their paths together.
    pub(crate) path_bytes: u64,
}

impl PathCount {
    /// Adds what lies below a name of so many bytes.
    fn add_below(&mut self, name_bytes: usize, below: Self) {
        self.files = self.files.saturating_add(below.files);
        let own = below.files.saturating_mul(name_bytes as u64 + 1);
        self.path_bytes = self.path_bytes.saturating_add(below.path_bytes).saturating_add(own);
    }
}

/// Returns how many files of `new` are not the same in `old`; at least that many paths differ.
pub(crate) fn differing_files(
    lookup: &dyn TreeLookup,
    old: Option<TreeId>,
    new: TreeId,
) -> Result<PathCount, ReadError> {
    Counter { lookup, counted: HashMap::new() }.count(old, new, 0)
}

struct Counter<'a> {
    lookup: &'a dyn TreeLookup,
    counted: HashMap<(Option<TreeId>, TreeId), PathCount>,
}

impl Counter<'_> {
    /// Whoever lists the files refuses what is nested too deep; here it only counts for nothing.
    fn count(&mut self, old: Option<TreeId>, new: TreeId, depth: usize) -> Result<PathCount, ReadError> {
        if old == Some(new) || depth >= DEPTH_MAX {
            return Ok(PathCount::default());
        }
        if let Some(known) = self.counted.get(&(old, new)) {
            return Ok(*known);
        }
        let before = old.map(|id| self.lookup.tree(id)).transpose()?;
        let before: HashMap<_, _> =
            before.iter().flat_map(Tree::entries).map(|at| (at.name, (at.mode, at.id))).collect();
        let mut count = PathCount::default();
        for entry in self.lookup.tree(new)?.entries() {
            let there = before.get(entry.name).copied();
            if there == Some((entry.mode, entry.id)) {
                continue;
            }
            let below = match entry.mode {
                EntryMode::Directory => {
                    let old = there.filter(|(mode, _)| *mode == EntryMode::Directory).map(|(_, id)| id.into());
                    self.count(old, entry.id.into(), depth + 1)?
                }
                _ => PathCount { files: 1, path_bytes: 0 },
            };
            count.add_below(entry.name.len(), below);
        }
        self.counted.insert((old, new), count);
        Ok(count)
    }
}
