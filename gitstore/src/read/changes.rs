//! Which files differ between two trees.

use crate::{
    ReadError,
    read::{
        objects::Objects,
        tree_diff::{self, DiffVisitor, FileAt, Walk},
    },
};
use configbus_model::{Change, ConfigPath, TreeId};
use std::ops::ControlFlow;

/// Most files one answer holds. A tree that repeats itself ten times on each of thirty levels is small to push and has
/// more paths than there are atoms.
const FILES_MAX: usize = 4_000_000;

pub(crate) fn changes(
    objects: &Objects<'_>,
    from: Option<TreeId>,
    to: TreeId,
    prefix: &str,
) -> Result<Vec<Change>, ReadError> {
    let mut collector = Collector { objects, changes: Vec::new() };
    tree_diff::diff(objects, from, to, prefix, &mut collector)?;
    Ok(collector.changes)
}

struct Collector<'a> {
    objects: &'a Objects<'a>,
    changes: Vec<Change>,
}

impl DiffVisitor for Collector<'_> {
    fn file(&mut self, path: &str, old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        if self.changes.len() >= FILES_MAX {
            return Err(ReadError::TooMany { files_max: FILES_MAX });
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
