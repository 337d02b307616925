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

/// Returns how many files of `new` are not the same in `old`; at least that many paths differ.
pub(crate) fn differing_files(lookup: &dyn TreeLookup, old: Option<TreeId>, new: TreeId) -> Result<u64, ReadError> {
    Counter { lookup, counted: HashMap::new() }.count(old, new, 0)
}

struct Counter<'a> {
    lookup: &'a dyn TreeLookup,
    counted: HashMap<(Option<TreeId>, TreeId), u64>,
}

impl Counter<'_> {
    /// Whoever lists the files refuses what is nested too deep; here it only counts for nothing.
    fn count(&mut self, old: Option<TreeId>, new: TreeId, depth: usize) -> Result<u64, ReadError> {
        if old == Some(new) || depth >= DEPTH_MAX {
            return Ok(0);
        }
        if let Some(known) = self.counted.get(&(old, new)) {
            return Ok(*known);
        }
        let before = old.map(|id| self.lookup.tree(id)).transpose()?;
        let before: HashMap<_, _> =
            before.iter().flat_map(Tree::entries).map(|at| (at.name, (at.mode, at.id))).collect();
        let mut count: u64 = 0;
        for entry in self.lookup.tree(new)?.entries() {
            let there = before.get(entry.name).copied();
            if there == Some((entry.mode, entry.id)) {
                continue;
            }
            count = count.saturating_add(match entry.mode {
                EntryMode::Directory => {
                    let old = there.filter(|(mode, _)| *mode == EntryMode::Directory).map(|(_, id)| id.into());
                    self.count(old, entry.id.into(), depth + 1)?
                }
                _ => 1,
            });
        }
        self.counted.insert((old, new), count);
        Ok(count)
    }
}
