//! The files of a tree that readers could take, where the tree as a whole cannot be delivered.
//!
//! For reports only: somebody who pushed a symlink wants to hear of the syntax error beside it at once. What lands is
//! always read strictly.

use crate::{
    RawEntry, ReadError, raw_entries,
    read::{objects::Objects, tree_lookup::DEPTH_MAX},
};
use configbus_model::{ConfigPath, Entry, EntryMode, ObjectId, TreeId};
use std::collections::{HashMap, HashSet};

/// Most files one answer holds; a report lists fewer.
const FILES_MAX: usize = 10_000;

/// A pair of directories to compare.
struct Pair {
    path: String,
    depth: usize,
    from: Option<TreeId>,
    to: TreeId,
}

/// Returns files of `to` that differ from the ones at their place in `from`. Entries with refused modes or names are
/// left out with all below them, and of directories that stand at several places one is visited.
pub(crate) fn files(objects: &Objects<'_>, from: Option<TreeId>, to: TreeId) -> Result<Vec<Entry>, ReadError> {
    let mut files = Vec::new();
    let mut entered = HashSet::new();
    let mut waiting = vec![Pair { path: String::new(), depth: 0, from, to }];
    while let Some(at) = waiting.pop() {
        if at.from == Some(at.to) || at.depth >= DEPTH_MAX || !entered.insert(at.to) {
            continue;
        }
        let old = at.from.map(|id| objects.raw_tree(id)).transpose()?.unwrap_or_default();
        let old: HashMap<&[u8], RawEntry<'_>> = raw_entries(&old).flatten().map(|entry| (entry.name, entry)).collect();
        for entry in raw_entries(&objects.raw_tree(at.to)?).flatten() {
            if files.len() >= FILES_MAX {
                return Ok(files);
            }
            let Some((path, mode)) = deliverable(&at.path, &entry) else { continue };
            let before = old.get(entry.name).filter(|old| old.mode == entry.mode).map(|old| old.id);
            match mode {
                EntryMode::Directory => {
                    let (from, to) = (before.map(TreeId::from), TreeId::from(entry.id));
                    waiting.push(Pair { path: path.as_str().to_owned(), depth: at.depth + 1, from, to });
                }
                _ if before == Some(entry.id) => {}
                _ => files.extend(readable(objects, path, mode, entry.id)),
            }
        }
    }
    Ok(files)
}

fn deliverable(directory: &str, entry: &RawEntry<'_>) -> Option<(ConfigPath, EntryMode)> {
    let name = std::str::from_utf8(entry.name).ok().filter(|name| !name.contains('/'))?;
    let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    Some((ConfigPath::parse(&path).ok()?, EntryMode::from_git(entry.mode)?))
}

/// A tree may say of anything that it is a file.
fn readable(objects: &Objects<'_>, path: ConfigPath, mode: EntryMode, id: ObjectId) -> Option<Entry> {
    objects.entry_of(path, mode, id).ok()
}
