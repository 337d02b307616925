//! Checking that a tree is complete.

use crate::{
    ObjectKind, ReadError,
    read::{
        objects::Objects,
        tree_diff::{self, DiffVisitor, FileAt, Walk},
    },
};
use configbus_model::{Tree, TreeId};
use std::{collections::HashSet, ops::ControlFlow};

/// Checks what `to` has and `from` has not at the same place. Directories are read, and thereby their hashes checked;
/// of files it is checked that they are there, their content shows when it is read.
pub(crate) fn tree(objects: &Objects<'_>, from: Option<TreeId>, to: TreeId) -> Result<(), ReadError> {
    let mut verifier = Verifier { objects, entered: HashSet::new() };
    tree_diff::diff(objects, from, to, "", &mut verifier)
}

struct Verifier<'a> {
    objects: &'a Objects<'a>,
    entered: HashSet<(Option<TreeId>, Option<TreeId>)>,
}

impl DiffVisitor for Verifier<'_> {
    fn directory(&mut self, _path: &str, id: TreeId, _tree: &Tree) -> Walk {
        // A directory that is in the cache need not be on the disk any more.
        match self.objects.raw_tree(id) {
            Ok(_) => Ok(ControlFlow::Continue(())),
            Err(error) => Err(error),
        }
    }

    fn file(&mut self, _path: &str, _old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        let Some((_, id)) = new else { return Ok(ControlFlow::Continue(())) };
        match self.objects.header(id)? {
            (ObjectKind::Blob, _) => Ok(ControlFlow::Continue(())),
            _ => Err(ReadError::WrongKind { id, expected: ObjectKind::Blob }),
        }
    }

    fn enters(&mut self, old: Option<TreeId>, new: Option<TreeId>) -> bool {
        self.entered.insert((old, new))
    }

    fn wants_deleted(&self) -> bool {
        false
    }
}
