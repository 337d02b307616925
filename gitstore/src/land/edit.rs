//! Edits of single files, applied to a tree without writing anything.

use crate::{ReadError, read::tree_lookup::TreeLookup};
use bytes::Bytes;
use configbus_model::{BlobId, ConfigPath, EntryMode, ErrorKind, HashError, ObjectId, Tree, TreeId, blob_id};
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
    pub(crate) trees: Vec<StagedTree>,
    pub(crate) blobs: Vec<(BlobId, Bytes)>,
    pub(crate) files: Vec<StagedFile>,
}

/// A directory that is new, and which one it takes the place of.
#[derive(Debug, Clone)]
pub(crate) struct StagedTree {
    pub(crate) id: TreeId,
    pub(crate) tree: Tree,
    pub(crate) before: Option<TreeId>,
    /// Where it stands, if it has a name that the one before has not; the root is empty.
    pub(crate) new_names_at: Option<String>,
}

/// What edits do to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Which.
    pub path: ConfigPath,
    /// Mode and content before; `None` where no file was.
    pub before: Option<(EntryMode, BlobId)>,
    /// Mode, content and its length afterwards; `None` where no file is.
    pub after: Option<(EntryMode, BlobId, u64)>,
}

impl StagedEdits {
    /// Returns the root the edits were applied to.
    pub fn base(&self) -> TreeId {
        self.base
    }

    /// Returns the root after the edits.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// Returns whether the edits leave everything as it was.
    pub fn is_unchanged(&self) -> bool {
        self.tree == self.base
    }

    /// Returns the directories that get a name they did not have, with their path; that of the root is empty.
    pub fn directories_with_new_names(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.trees.iter().filter_map(|staged| Some((staged.new_names_at.as_deref()?, &staged.tree)))
    }

    /// Returns what becomes of each file, in the order of the edits.
    pub fn files(&self) -> &[StagedFile] {
        &self.files
    }
}

type File = (EntryMode, ObjectId);

/// Applies edits to `base`: reads and rebuilds the directories on the paths of the edits, nothing else.
pub(crate) fn stage(lookup: &dyn TreeLookup, base: TreeId, edits: &[TreeEdit]) -> Result<StagedEdits, EditError> {
    let mut stage = Stage { lookup, trees: Vec::new(), blobs: Vec::new(), files: vec![None; edits.len()] };
    let mut sorted: Vec<Placed<'_>> =
        edits.iter().enumerate().map(|(number, edit)| Placed::new(number, edit)).collect();
    sorted.sort_by(|a, b| a.rest.cmp(&b.rest));
    let tree = if edits.is_empty() { base } else { stage.directory(Some(base), &sorted)?.unwrap_or(TreeId::EMPTY) };
    if tree == TreeId::EMPTY && base != tree {
        let empty = lookup.tree(tree)?;
        stage.trees.push(StagedTree { id: tree, tree: empty, before: Some(base), new_names_at: None });
    }
    let files = stage.files.into_iter().flatten().collect();
    Ok(StagedEdits { base, tree, trees: stage.trees, blobs: stage.blobs, files })
}

/// An edit, and the components of its path that lie below the directory at hand.
struct Placed<'a> {
    /// Its place in the order of the caller.
    number: usize,
    edit: &'a TreeEdit,
    rest: Vec<&'a str>,
}

impl<'a> Placed<'a> {
    fn new(number: usize, edit: &'a TreeEdit) -> Self {
        Self { number, edit, rest: edit.path.components().collect() }
    }

    /// Returns the path of the directory at hand.
    fn above(&self) -> String {
        let above = self.edit.path.components().count() - self.rest.len();
        self.edit.path.components().take(above).collect::<Vec<_>>().join("/")
    }

    fn below(&self) -> Self {
        Self { rest: self.rest[1..].to_vec(), ..*self }
    }
}

struct Stage<'a> {
    lookup: &'a dyn TreeLookup,
    trees: Vec<StagedTree>,
    blobs: Vec<(BlobId, Bytes)>,
    files: Vec<Option<StagedFile>>,
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
        let has_new_names = changed.iter().any(|(name, at)| at.is_some() && tree.get(name).is_none());
        self.keep(before, tree.with(&changed), has_new_names, edits)
    }

    /// Applies the edits of one name. An edit of that very name comes first, those below it follow.
    fn entry(&mut self, at: Option<File>, edits: &[Placed<'_>]) -> Result<Option<File>, EditError> {
        let here = edits.iter().take_while(|placed| placed.rest.len() == 1).count();
        let (here, below) = edits.split_at(here);
        let directory = at.filter(|at| at.0 == EntryMode::Directory);
        let file = at.filter(|at| at.0 != EntryMode::Directory);
        let file = match here {
            [] => file,
            [only] => self.file(file, directory.is_some(), only)?,
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

    fn file(&mut self, at: Option<File>, is_directory: bool, placed: &Placed<'_>) -> Result<Option<File>, EditError> {
        let edit = placed.edit;
        let path = || edit.path.clone();
        let after = match (&edit.change, at) {
            (TreeChange::Delete, Some(_)) => None,
            (TreeChange::Delete, None) if is_directory => return Err(EditError::IsDirectory { path: path() }),
            (TreeChange::Delete, None) => return Err(EditError::Absent { path: path() }),
            (TreeChange::Put { mode: Some(EntryMode::Directory), .. }, _) => {
                return Err(EditError::Mode { path: path() });
            }
            (TreeChange::Put { mode, content }, at) => {
                let id = blob_id(content).map_err(|source| EditError::Hash { path: path(), source })?;
                if at.map(|at| at.1) != Some(id.into()) {
                    self.blobs.push((id, content.clone()));
                }
                let mode = mode.or(at.map(|at| at.0)).unwrap_or(EntryMode::File);
                Some((mode, id, content.len() as u64))
            }
        };
        let before = at.map(|(mode, id)| (mode, id.into()));
        self.files[placed.number] = Some(StagedFile { path: path(), before, after });
        Ok(after.map(|(mode, id, _)| (mode, id.into())))
    }

    /// Names a directory, and remembers it if it is not the one before.
    fn keep(
        &mut self,
        before: Option<TreeId>,
        tree: Tree,
        has_new_names: bool,
        edits: &[Placed<'_>],
    ) -> Result<Option<TreeId>, EditError> {
        if tree.is_empty() {
            return Ok(None);
        }
        let path = || edits[0].edit.path.clone();
        let id = tree.id().map_err(|source| EditError::Hash { path: path(), source })?;
        if before != Some(id) {
            let new_names_at = has_new_names.then(|| edits[0].above());
            self.trees.push(StagedTree { id, tree, before, new_names_at });
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
