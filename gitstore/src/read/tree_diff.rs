//! Walking two trees side by side, where they differ only: the cost of the change.

use crate::{
    ReadError,
    read::tree_lookup::{DEPTH_MAX, TreeLookup},
};
use configbus_model::{EntryMode, ObjectId, Tree, TreeEntry, TreeId};
use std::{cmp::Ordering, ops::ControlFlow};

/// Mode and id of a file.
pub(crate) type FileAt = (EntryMode, ObjectId);
pub(crate) type Walk = Result<ControlFlow<()>, ReadError>;
const GO_ON: Walk = Ok(ControlFlow::Continue(()));

/// Is told what differs, in Git's order, directories before what is in them.
pub(crate) trait DiffVisitor {
    /// A directory of the new tree that is not the one at its place in the old tree.
    fn directory(&mut self, _path: &str, _id: TreeId, _tree: &Tree) -> Walk {
        GO_ON
    }

    /// A file that is not the same on both sides. A file that becomes a directory is deleted and its files are added.
    fn file(&mut self, path: &str, old: Option<FileAt>, new: Option<FileAt>) -> Walk;

    /// Whether to look into a pair of directories. A tree that repeats itself ten times on each of thirty levels has more
    /// paths than there are atoms and few distinct pairs.
    fn enters(&mut self, _old: Option<TreeId>, _new: Option<TreeId>) -> bool {
        true
    }

    /// Whether directories that are gone are walked as well.
    fn wants_deleted(&self) -> bool {
        true
    }
}

/// Tells `visitor` how `new` differs from `old` at and below `prefix`.
pub(crate) fn diff(
    lookup: &dyn TreeLookup,
    old: Option<TreeId>,
    new: TreeId,
    prefix: &str,
    visitor: &mut dyn DiffVisitor,
) -> Result<(), ReadError> {
    let old = lookup.find_prefix(old.unwrap_or(TreeId::EMPTY), prefix)?;
    let new = lookup.find_prefix(new, prefix)?;
    let mut path = prefix.trim_end_matches('/').to_owned();
    Differ { lookup, visitor, depth: 0 }.pair(&mut path, old, new).map(drop)
}

struct Differ<'a> {
    lookup: &'a dyn TreeLookup,
    visitor: &'a mut dyn DiffVisitor,
    depth: usize,
}

impl Differ<'_> {
    fn pair(&mut self, path: &mut String, old: Option<FileAt>, new: Option<FileAt>) -> Walk {
        if old == new {
            return GO_ON;
        }
        let is_directory = |at: &FileAt| at.0 == EntryMode::Directory;
        let (old_directory, new_directory) = (old.filter(is_directory), new.filter(is_directory));
        let (old_file, new_file) = (old.filter(|at| !is_directory(at)), new.filter(|at| !is_directory(at)));
        if old_file != new_file && self.visitor.file(path, old_file, new_file)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        match (old_directory, new_directory) {
            (None, None) => GO_ON,
            (Some(_), None) if !self.visitor.wants_deleted() => GO_ON,
            (old, new) => self.directories(path, old.map(|at| at.1.into()), new.map(|at| at.1.into())),
        }
    }

    fn directories(&mut self, path: &mut String, old: Option<TreeId>, new: Option<TreeId>) -> Walk {
        if !self.visitor.enters(old, new) {
            return GO_ON;
        }
        if self.depth >= DEPTH_MAX {
            return Err(ReadError::TooDeep { path: path.chars().take(200).collect(), depth_max: DEPTH_MAX });
        }
        let old = self.lookup.tree(old.unwrap_or(TreeId::EMPTY))?;
        let new = match new {
            None => self.lookup.tree(TreeId::EMPTY)?,
            Some(id) => {
                let tree = self.lookup.tree(id)?;
                if self.visitor.directory(path, id, &tree)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                tree
            }
        };
        self.depth += 1;
        let result = self.entries(path, &old, &new);
        self.depth -= 1;
        result
    }

    fn entries(&mut self, path: &mut String, old: &Tree, new: &Tree) -> Walk {
        let (mut olds, mut news) = (old.entries().peekable(), new.entries().peekable());
        let base = path.len();
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => return GO_ON,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => git_order(old, new),
            };
            let old = if order == Ordering::Greater { None } else { olds.next() };
            let new = if order == Ordering::Less { None } else { news.next() };
            let Some(name) = old.or(new).map(|entry| entry.name) else { return GO_ON };
            if base > 0 {
                path.push('/');
            }
            path.push_str(name);
            let at = |entry: TreeEntry<'_>| (entry.mode, entry.id);
            let flow = self.pair(path, old.map(at), new.map(at));
            path.truncate(base);
            if flow?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

/// Git's order, in which a directory sorts as if its name ended in `/`; so a file and a directory of the same name are
/// two entries.
pub(crate) fn git_order(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    let key = |entry: &TreeEntry<'_>| (entry.mode == EntryMode::Directory).then_some(b'/');
    a.name.bytes().chain(key(a)).cmp(b.name.bytes().chain(key(b)))
}
