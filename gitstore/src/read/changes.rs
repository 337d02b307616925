//! Which files differ between two trees.

use crate::{
    ReadError,
    read::{
        objects::Objects,
        path_count,
        tree_diff::{self, DiffVisitor, FileAt, Walk},
    },
};
use configbus_model::{Change, ConfigPath, Entry, TreeId};
use std::ops::ControlFlow;

/// Most files one answer holds, whatever else is set: some 200 MB of paths.
pub const CHANGED_FILES_MAX: usize = 500_000;

/// Most files of a tree that are looked through for wanted ones, whatever else is set: a few seconds.
pub const TREE_FILES_MAX: usize = 5_000_000;

/// Most bytes of the paths of all files of one answer: a hundred for each on average, where a stranger may make each a
/// thousand.
const PATH_BYTES_MAX: u64 = 50 << 20;

pub(crate) fn changes(
    objects: &Objects<'_>,
    from: Option<TreeId>,
    to: TreeId,
    prefix: &str,
) -> Result<Vec<Change>, ReadError> {
    if prefix.is_empty() {
        let count = path_count::differing_files(objects, from, to)?;
        if count.files > CHANGED_FILES_MAX as u64 {
            return Err(ReadError::TooMany { found: count.files });
        }
        if count.path_bytes > PATH_BYTES_MAX {
            return Err(ReadError::PathsTooLong { bytes_max: PATH_BYTES_MAX });
        }
    }
    let mut collector = Collector { objects, changes: Vec::new() };
    tree_diff::diff(objects, from, to, prefix, &mut collector)?;
    Ok(collector.changes)
}

/// Returns the files of a tree whose paths are wanted. Nothing is read of the others.
pub(crate) fn files(
    objects: &Objects<'_>,
    tree: TreeId,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Entry>, ReadError> {
    let mut chooser = Chooser { objects, wanted, walked: 0, files: Vec::new() };
    tree_diff::diff(objects, None, tree, "", &mut chooser)?;
    Ok(chooser.files)
}

struct Chooser<'a> {
    objects: &'a Objects<'a>,
    wanted: &'a dyn Fn(&str) -> bool,
    walked: usize,
    files: Vec<Entry>,
}

impl DiffVisitor for Chooser<'_> {
    fn file(&mut self, path: &str, _old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        self.walked += 1;
        if self.walked > TREE_FILES_MAX {
            return Err(ReadError::TreeTooLarge { files_max: TREE_FILES_MAX });
        }
        if let Some((mode, id)) = new.filter(|_| (self.wanted)(path)) {
            if self.files.len() >= CHANGED_FILES_MAX {
                return Err(ReadError::TooMany { found: self.files.len() as u64 + 1 });
            }
            self.files.push(self.objects.entry_of(ConfigPath::parse(path)?, mode, id)?);
        }
        Ok(ControlFlow::Continue(()))
    }
}

struct Collector<'a> {
    objects: &'a Objects<'a>,
    changes: Vec<Change>,
}

impl DiffVisitor for Collector<'_> {
    fn file(&mut self, path: &str, old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        if self.changes.len() >= CHANGED_FILES_MAX {
            return Err(ReadError::TooMany { found: self.changes.len() as u64 + 1 });
        }
        let path = ConfigPath::parse(path)?;
        let entry = |at: Option<FileAt>| at.map(|(mode, id)| self.objects.entry_of(path.clone(), mode, id)).transpose();
        self.changes.extend(match (entry(old)?, entry(new)?) {
            (None, Some(new)) => Some(Change::Added(new)),
            (Some(old), None) => Some(Change::Deleted(old)),
            (Some(old), Some(new)) => Some(Change::Modified { old, new }),
            (None, None) => None,
        });
        Ok(ControlFlow::Continue(()))
    }
}
