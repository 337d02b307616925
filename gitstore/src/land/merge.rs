//! Three-way merge of trees, file by file.
//!
//! Pure: trees in, trees out. Only a path that both sides changed to *different* content conflicts. Merging inside a
//! file, as `git merge` does, is left out on purpose: two halves of a configuration that nobody has seen together are
//! not a configuration anybody has validated.

use crate::{
    ConflictKind, ReadError,
    read::tree_lookup::{DEPTH_MAX, TreeLookup},
};
use configbus_model::{ConfigPath, EntryMode, HashError, ObjectId, Tree, TreeEntry, TreeId};
use std::collections::BTreeSet;

/// Why two trees cannot be merged at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// A path that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clash {
    pub(crate) path: ConfigPath,
    pub(crate) kind: ConflictKind,
}

/// The result of a merge. With clashes, the tree holds what `ours` had at those paths, or the marker of a merge of
/// bases.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) tree: TreeId,
    /// Directories that exist on no side.
    pub(crate) new_trees: Vec<(TreeId, Tree)>,
    pub(crate) clashes: Vec<Clash>,
}

type File = (EntryMode, ObjectId);

/// Merges what `ours` and `theirs` changed since `base`.
pub(crate) fn merge(lookup: &dyn TreeLookup, base: TreeId, ours: TreeId, theirs: TreeId) -> Result<Merged, MergeError> {
    merge_with(lookup, base, ours, theirs, None)
}

/// Merges two merge bases into one that stands for both: where they clash it holds an entry that equals nothing, so that
/// whatever the sides did there clashes too, unless they agree.
pub(crate) fn merge_bases(
    lookup: &dyn TreeLookup,
    base: TreeId,
    ours: TreeId,
    theirs: TreeId,
) -> Result<Merged, MergeError> {
    const NO_CONTENT: File = (EntryMode::File, ObjectId::from_bytes([0xff; 20]));
    merge_with(lookup, base, ours, theirs, Some(NO_CONTENT))
}

fn merge_with(
    lookup: &dyn TreeLookup,
    base: TreeId,
    ours: TreeId,
    theirs: TreeId,
    on_clash: Option<File>,
) -> Result<Merged, MergeError> {
    let mut merger = Merger { lookup, on_clash, new_trees: Vec::new(), clashes: Vec::new(), depth: 0 };
    let tree = merger.directories(&mut String::new(), base, ours, theirs)?.unwrap_or(TreeId::EMPTY);
    if tree == TreeId::EMPTY && ours != tree && theirs != tree {
        merger.new_trees.push((tree, lookup.tree(tree)?));
    }
    Ok(Merged { tree, new_trees: merger.new_trees, clashes: merger.clashes })
}

struct Merger<'a> {
    lookup: &'a dyn TreeLookup,
    on_clash: Option<File>,
    new_trees: Vec<(TreeId, Tree)>,
    clashes: Vec<Clash>,
    depth: usize,
}

/// The three versions of one thing.
#[derive(Debug, Clone, Copy)]
struct Three<T> {
    base: T,
    ours: T,
    theirs: T,
}

impl<T: PartialEq> Three<T> {
    /// The answer where at most one side changed anything, or both the same.
    fn resolved(self) -> Option<T> {
        if self.ours == self.theirs || self.base == self.theirs {
            Some(self.ours)
        } else if self.base == self.ours {
            Some(self.theirs)
        } else {
            None
        }
    }
}

impl<T> Three<T> {
    fn map<U>(self, f: impl Fn(T) -> U) -> Three<U> {
        Three { base: f(self.base), ours: f(self.ours), theirs: f(self.theirs) }
    }
}

impl Merger<'_> {
    /// Returns the merged directory, `None` when nothing is left in it.
    fn directories(
        &mut self,
        path: &mut String,
        base: TreeId,
        ours: TreeId,
        theirs: TreeId,
    ) -> Result<Option<TreeId>, MergeError> {
        if let Some(tree) = (Three { base, ours, theirs }).resolved() {
            return Ok((tree != TreeId::EMPTY).then_some(tree));
        }
        if self.depth >= DEPTH_MAX {
            let path = path.chars().take(200).collect();
            return Err(ReadError::TooDeep { path, depth_max: DEPTH_MAX }.into());
        }
        self.depth += 1;
        let trees = Three { base: self.tree(base)?, ours: self.tree(ours)?, theirs: self.tree(theirs)? };
        let merged = self.entries(path, &trees)?;
        self.depth -= 1;
        self.keep(merged, [ours, theirs])
    }

    fn entries(&mut self, path: &mut String, trees: &Three<Tree>) -> Result<Tree, MergeError> {
        let sides = [&trees.base, &trees.ours, &trees.theirs];
        let names: BTreeSet<&str> = sides.into_iter().flat_map(|tree| tree.entries().map(|entry| entry.name)).collect();
        let indexes = [index(&trees.base), index(&trees.ours), index(&trees.theirs)];
        let mut kept: Vec<(&str, File)> = Vec::with_capacity(names.len());
        let length = path.len();
        for name in names {
            let at = |side: usize| indexes[side].binary_search_by_key(&name, |entry| entry.0).ok();
            let at = |side: usize| at(side).map(|position| indexes[side][position].1);
            let entry = Three { base: at(0), ours: at(1), theirs: at(2) };
            if length > 0 {
                path.push('/');
            }
            path.push_str(name);
            let merged = self.entry(path, entry);
            path.truncate(length);
            kept.extend(merged?.map(|at| (name, at)));
        }
        Ok(Tree::build(kept.into_iter().map(|(name, (mode, id))| TreeEntry { name, mode, id })))
    }

    /// Merges what is at one name. A file and a directory there are two things, merged apart and then held together.
    fn entry(&mut self, path: &mut String, entry: Three<Option<File>>) -> Result<Option<File>, MergeError> {
        if let Some(at) = entry.resolved() {
            return Ok(at);
        }
        let is_directory = |at: &File| at.0 == EntryMode::Directory;
        let directory = entry.map(|at| at.filter(is_directory).map_or(TreeId::EMPTY, |at| at.1.into()));
        let clashes = self.clashes.len();
        let file = self.file(path, entry.map(|at| at.filter(|at| !is_directory(at))))?;
        let clashed = self.clashes.len() > clashes;
        let directory = self.directories(path, directory.base, directory.ours, directory.theirs)?;
        match (file, directory) {
            (Some(_), Some(directory)) => {
                if !clashed {
                    self.clash(path, ConflictKind::FileAndDirectory)?;
                }
                Ok(Some(self.on_clash.unwrap_or((EntryMode::Directory, directory.into()))))
            }
            (file, directory) => Ok(file.or(directory.map(|id| (EntryMode::Directory, id.into())))),
        }
    }

    fn file(&mut self, path: &str, file: Three<Option<File>>) -> Result<Option<File>, MergeError> {
        if let Some(at) = file.resolved() {
            return Ok(at);
        }
        let kind = match (file.base, file.ours, file.theirs) {
            (Some(base), Some(ours), Some(theirs)) => {
                // Content and mode are two changes: a new mode on one side does not exclude new content on the other.
                let three = Three { base, ours, theirs };
                if let (Some(mode), Some(id)) = (three.map(|at| at.0).resolved(), three.map(|at| at.1).resolved()) {
                    return Ok(Some((mode, id)));
                }
                ConflictKind::BothChanged
            }
            (None, _, _) => ConflictKind::BothAdded,
            (_, None, _) => ConflictKind::DeletedByHead,
            (_, _, None) => ConflictKind::DeletedByPush,
        };
        self.clash(path, kind)?;
        Ok(self.on_clash.or(file.ours))
    }

    fn clash(&mut self, path: &str, kind: ConflictKind) -> Result<(), MergeError> {
        let path = ConfigPath::parse(path).map_err(ReadError::from)?;
        self.clashes.push(Clash { path, kind });
        Ok(())
    }

    /// Names a merged directory, and remembers it if no side has it.
    fn keep(&mut self, tree: Tree, sides: [TreeId; 2]) -> Result<Option<TreeId>, MergeError> {
        if tree.is_empty() {
            return Ok(None);
        }
        let id = tree.id()?;
        if !sides.contains(&id) {
            self.new_trees.push((id, tree));
        }
        Ok(Some(id))
    }

    fn tree(&self, id: TreeId) -> Result<Tree, MergeError> {
        Ok(self.lookup.tree(id)?)
    }
}

/// Entries by name alone, unlike in Git's order.
fn index(tree: &Tree) -> Vec<(&str, File)> {
    let mut entries: Vec<_> = tree.entries().map(|entry| (entry.name, (entry.mode, entry.id))).collect();
    entries.sort_unstable_by_key(|entry| entry.0);
    entries
}

#[cfg(test)]
mod tests;
