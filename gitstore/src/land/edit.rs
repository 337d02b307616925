//! Edits of single files, applied to a tree without writing anything.

use crate::{ReadError, read::tree_lookup::TreeLookup};
use bytes::Bytes;
use configbus_model::{
    BlobId, ConfigPath, EntryMode, ErrorKind, HashError, ObjectId, Tree, TreeEntry, TreeId, blob_id,
};
use std::collections::BTreeMap;

/// One file to change. Modes other than those of files are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEdit {
    /// Which.
    pub path: ConfigPath,
    /// How.
    pub change: TreeChange,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeChange {
    /// It gets this content; directories on its way are made.
    Put {
        /// Plain or executable; `None` keeps the mode that is there and makes new files plain.
        mode: Option<EntryMode>,
        /// The whole content.
        content: Bytes,
    },
    /// It goes, and so do directories that it leaves empty.
    Delete,
}

/// Why edits do not fit a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file to delete is not there.
    #[error("{path} does not exist")]
    Absent {
        /// Which.
        path: ConfigPath,
    },
    /// A directory stands where the file should be.
    #[error("{path} is a directory")]
    IsDirectory {
        /// Which.
        path: ConfigPath,
    },
    /// A file stands where a directory is needed.
    #[error("{path} cannot be created, {file} is a file")]
    NotDirectory {
        /// Which.
        path: ConfigPath,
        /// What is in its way.
        file: ConfigPath,
    },
    /// Two edits name the same path.
    #[error("{path} is edited twice")]
    Twice {
        /// Which.
        path: ConfigPath,
    },
    /// The mode is none of a file.
    #[error("{path} cannot get the mode of a directory")]
    Mode {
        /// Which.
        path: ConfigPath,
    },
    /// The content was made to collide.
    #[error("{path} is refused")]
    Hash {
        /// Which.
        path: ConfigPath,
        /// Cause.
        source: HashError,
    },
    /// A tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl EditError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Absent { .. } => ErrorKind::NotFound,
            Self::IsDirectory { .. } | Self::NotDirectory { .. } | Self::Twice { .. } | Self::Mode { .. } => {
                ErrorKind::Invalid
            }
            Self::Hash { .. } => ErrorKind::Rejected,
            Self::Read(error) => error.kind(),
        }
    }
}

/// Edits applied to a tree: the new root and the objects that make it up, none of them written yet.
#[derive(Debug, Clone)]
pub struct StagedEdits {
    pub(crate) base: TreeId,
    pub(crate) tree: TreeId,
    pub(crate) trees: Vec<(TreeId, Tree)>,
    pub(crate) blobs: Vec<(BlobId, Bytes)>,
}

impl StagedEdits {
    /// Returns the root after the edits.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// Returns whether the edits leave everything as it was.
    pub fn is_unchanged(&self) -> bool {
        self.tree == self.base
    }
}

type File = (EntryMode, ObjectId);

/// Applies edits to `base`: reads and rebuilds the directories on the paths of the edits, nothing else.
pub(crate) fn stage(lookup: &dyn TreeLookup, base: TreeId, edits: &[TreeEdit]) -> Result<StagedEdits, EditError> {
    let mut stage = Stage { lookup, trees: Vec::new(), blobs: Vec::new() };
    if edits.is_empty() {
        return Ok(StagedEdits { base, tree: base, trees: stage.trees, blobs: stage.blobs });
    }
    let mut sorted: Vec<Placed<'_>> = edits.iter().map(Placed::new).collect();
    sorted.sort_by(|a, b| a.rest.cmp(&b.rest));
    let tree = stage.directory(Some(base), &sorted)?.unwrap_or(TreeId::EMPTY);
    if tree == TreeId::EMPTY && base != tree {
        stage.trees.push((tree, lookup.tree(tree)?));
    }
    Ok(StagedEdits { base, tree, trees: stage.trees, blobs: stage.blobs })
}

/// An edit, and the components of its path that lie below the directory at hand.
struct Placed<'a> {
    edit: &'a TreeEdit,
    rest: Vec<&'a str>,
}

impl<'a> Placed<'a> {
    fn new(edit: &'a TreeEdit) -> Self {
        Self { edit, rest: edit.path.components().collect() }
    }

    fn below(&self) -> Self {
        Self { edit: self.edit, rest: self.rest[1..].to_vec() }
    }
}

struct Stage<'a> {
    lookup: &'a dyn TreeLookup,
    trees: Vec<(TreeId, Tree)>,
    blobs: Vec<(BlobId, Bytes)>,
}

impl Stage<'_> {
    /// Returns the directory after the edits, `None` when nothing is left in it.
    fn directory(&mut self, before: Option<TreeId>, edits: &[Placed<'_>]) -> Result<Option<TreeId>, EditError> {
        let tree = self.lookup.tree(before.unwrap_or(TreeId::EMPTY))?;
        let mut changed: BTreeMap<&str, Option<File>> = BTreeMap::new();
        for group in edits.chunk_by(|a, b| a.rest[0] == b.rest[0]) {
            let name = group[0].rest[0];
            let at = tree.get(name).map(|entry| (entry.mode, entry.id));
            changed.insert(name, self.entry(at, group)?);
        }
        let kept = tree.entries().filter(|entry| !changed.contains_key(entry.name));
        let put = changed.iter().filter_map(|(name, at)| at.map(|(mode, id)| TreeEntry { name, mode, id }));
        let after = Tree::build(kept.chain(put));
        self.keep(before, after, edits)
    }

    /// Applies the edits of one name. An edit of that very name comes first, those below it follow.
    fn entry(&mut self, at: Option<File>, edits: &[Placed<'_>]) -> Result<Option<File>, EditError> {
        let here = edits.iter().take_while(|placed| placed.rest.len() == 1).count();
        let (here, below) = edits.split_at(here);
        let directory = at.filter(|at| at.0 == EntryMode::Directory);
        let file = at.filter(|at| at.0 != EntryMode::Directory);
        let file = match here {
            [] => file,
            [only] => self.file(file, directory.is_some(), only.edit)?,
            [_, second, ..] => return Err(EditError::Twice { path: second.edit.path.clone() }),
        };
        let directory = match below {
            [] => directory.map(|at| at.1.into()),
            [first, ..] if directory.is_none() && first.edit.change == TreeChange::Delete => {
                return Err(EditError::Absent { path: first.edit.path.clone() });
            }
            _ => {
                let below: Vec<_> = below.iter().map(Placed::below).collect();
                self.directory(directory.map(|at| at.1.into()), &below)?
            }
        };
        match (file, directory) {
            (Some(_), Some(_)) => Err(collision(at, here, below)),
            (file, directory) => Ok(file.or(directory.map(|id| (EntryMode::Directory, id.into())))),
        }
    }

    fn file(&mut self, at: Option<File>, is_directory: bool, edit: &TreeEdit) -> Result<Option<File>, EditError> {
        let path = || edit.path.clone();
        match (&edit.change, at) {
            (TreeChange::Delete, Some(_)) => Ok(None),
            (TreeChange::Delete, None) if is_directory => Err(EditError::IsDirectory { path: path() }),
            (TreeChange::Delete, None) => Err(EditError::Absent { path: path() }),
            (TreeChange::Put { mode: Some(EntryMode::Directory), .. }, _) => Err(EditError::Mode { path: path() }),
            (TreeChange::Put { mode, content }, at) => {
                let id = blob_id(content).map_err(|source| EditError::Hash { path: path(), source })?;
                if at.map(|at| at.1) != Some(id.into()) {
                    self.blobs.push((id, content.clone()));
                }
                let mode = mode.or(at.map(|at| at.0)).unwrap_or(EntryMode::File);
                Ok(Some((mode, id.into())))
            }
        }
    }

    /// Names a directory, and remembers it if it is not the one before.
    fn keep(&mut self, before: Option<TreeId>, after: Tree, edits: &[Placed<'_>]) -> Result<Option<TreeId>, EditError> {
        if after.is_empty() {
            return Ok(None);
        }
        let path = || edits[0].edit.path.clone();
        let id = after.id().map_err(|source| EditError::Hash { path: path(), source })?;
        if before != Some(id) {
            self.trees.push((id, after));
        }
        Ok(Some(id))
    }
}

/// A file and a directory of one name: says so in terms of the edit that is in the wrong.
fn collision(at: Option<File>, here: &[Placed<'_>], below: &[Placed<'_>]) -> EditError {
    match (at, here, below) {
        (Some((EntryMode::Directory, _)), [put, ..], _) | (_, [put, ..], []) => {
            EditError::IsDirectory { path: put.edit.path.clone() }
        }
        (_, _, [put, ..]) => {
            let path = put.edit.path.clone();
            let file = (1..put.rest.len()).try_fold(path.clone(), |at, _| at.parent());
            EditError::NotDirectory { file: file.unwrap_or_else(|| path.clone()), path }
        }
        (_, [], []) => unreachable!("a tree holds each name once, so one of the edits made the second entry"),
    }
}

#[cfg(test)]
mod tests;
