//! What a holder of one tree needs to hold another.
//!
//! An object is left out when `from` has it *at the same path*. Leaving out what `from` has anywhere would be smaller for
//! renames, but a host that keeps only some paths could then miss an object it never had a reason to keep.

use crate::{
    ObjectKind, ReadError,
    read::{
        objects::Objects,
        tree_diff::{self, DiffVisitor, FileAt, Walk},
        tree_lookup::TreeLookup,
    },
};
use bytes::Bytes;
use configbus_model::{BlobId, ObjectId, Tree, TreeId};
use std::{collections::HashSet, ops::ControlFlow};

/// Takes one object; breaking off ends the walk.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(ObjectKind, Bytes) -> ControlFlow<()>;

pub(crate) fn delta(objects: &Objects<'_>, from: Option<TreeId>, to: TreeId, sink: Sink<'_>) -> Result<(), ReadError> {
    delta_with(objects, &mut |id| objects.blob(id), from, to, sink)
}

fn delta_with(
    lookup: &dyn TreeLookup,
    blob: &mut dyn FnMut(BlobId) -> Result<Bytes, ReadError>,
    from: Option<TreeId>,
    to: TreeId,
    sink: Sink<'_>,
) -> Result<(), ReadError> {
    let mut collector = Collector { blob, sink, sent: HashSet::new(), entered: HashSet::new() };
    if to == TreeId::EMPTY && from != Some(to) {
        // Git stores the empty tree like any other, and so does a host.
        let _ = collector.directory("", to, &lookup.tree(to)?)?;
        return Ok(());
    }
    tree_diff::diff(lookup, from, to, "", &mut collector)
}

struct Collector<'a> {
    blob: &'a mut dyn FnMut(BlobId) -> Result<Bytes, ReadError>,
    sink: Sink<'a>,
    sent: HashSet<ObjectId>,
    entered: HashSet<(Option<TreeId>, Option<TreeId>)>,
}

impl DiffVisitor for Collector<'_> {
    fn directory(&mut self, _path: &str, id: TreeId, tree: &Tree) -> Walk {
        if !self.sent.insert(id.into()) {
            return Ok(ControlFlow::Continue(()));
        }
        Ok((self.sink)(ObjectKind::Tree, tree.as_bytes().clone()))
    }

    fn file(&mut self, _path: &str, old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        let id = match (old, new) {
            (Some((_, old)), Some((_, new))) if old == new => None,
            (_, new) => new.map(|(_, id)| id),
        };
        match id.filter(|id| self.sent.insert(*id)) {
            None => Ok(ControlFlow::Continue(())),
            Some(id) => Ok((self.sink)(ObjectKind::Blob, (self.blob)(id.into())?)),
        }
    }

    fn enters(&mut self, old: Option<TreeId>, new: Option<TreeId>) -> bool {
        self.entered.insert((old, new))
    }

    fn wants_deleted(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
