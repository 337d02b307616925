//! Reading objects of one repository.

use crate::{
    Commit, ReadError,
    read::{
        commit::parse,
        tree_lookup::{TreeCache, TreeLookup},
    },
};
use bytes::Bytes;
use configbus_model::{BlobId, CommitId, ConfigPath, Entry, EntryMode, ObjectId, Tree, TreeId};
use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};
use std::{cell::RefCell, collections::HashMap};

/// Largest directory that is read: a million entries with names of usual length.
const TREE_BYTES_MAX: u64 = 48 << 20;

/// Largest commit or tag that is read; almost all of it is its message.
const COMMIT_BYTES_MAX: u64 = 4 << 20;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A point in history.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    pub(crate) const fn as_git(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// Returns how much of an object of this kind is read. Files have bounds of their own.
    pub(crate) const fn bytes_max(self) -> u64 {
        match self {
            Self::Tree => TREE_BYTES_MAX,
            Self::Commit | Self::Tag => COMMIT_BYTES_MAX,
            Self::Blob => u64::MAX,
        }
    }

    pub(crate) fn from_git(kind: ObjectType) -> Option<Self> {
        match kind {
            ObjectType::Commit => Some(Self::Commit),
            ObjectType::Tree => Some(Self::Tree),
            ObjectType::Blob => Some(Self::Blob),
            ObjectType::Tag => Some(Self::Tag),
            ObjectType::Any => None,
        }
    }
}

/// Objects that exist in memory only, until they are landed or forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    pub(crate) trees: HashMap<TreeId, Tree>,
    pub(crate) blobs: HashMap<BlobId, Bytes>,
}

/// Where objects are looked for before the repository is asked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Staged<'a> {
    /// Those of one candidate.
    pub(crate) own: Option<&'a RefCell<Overlay>>,
    /// Those that a candidate builds on and that are on no disk yet.
    pub(crate) below: Option<&'a Overlay>,
}

impl Staged<'_> {
    fn find<T>(&self, find: impl Fn(&Overlay) -> Option<T>) -> Option<T> {
        self.own.and_then(|overlay| find(&overlay.borrow())).or_else(|| self.below.and_then(find))
    }
}

/// Reads objects through one open repository.
pub(crate) struct Objects<'a> {
    repository: &'a Repository,
    odb: Odb<'a>,
    trees: &'a TreeCache,
    staged: Staged<'a>,
}

impl<'a> Objects<'a> {
    pub(crate) fn new(repository: &'a Repository, trees: &'a TreeCache, staged: Staged<'a>) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Open { path: repository.path().to_owned(), source };
        Ok(Self { repository, odb: repository.odb().map_err(failed)?, trees, staged })
    }

    pub(crate) fn repository(&self) -> &'a Repository {
        self.repository
    }

    pub(crate) fn odb(&self) -> &Odb<'a> {
        &self.odb
    }

    /// Reads an object of any kind.
    pub(crate) fn read(&self, id: ObjectId) -> Result<(ObjectKind, Bytes), ReadError> {
        let object = self.odb.read(to_oid(id)).map_err(|source| read_error(id, source))?;
        let kind = ObjectKind::from_git(object.kind()).ok_or(ReadError::Missing { id })?;
        Ok((kind, Bytes::copy_from_slice(object.data())))
    }

    /// Returns what an object is and its size, without reading all of it.
    pub(crate) fn header(&self, id: ObjectId) -> Result<(ObjectKind, u64), ReadError> {
        let (size, kind) = self.odb.read_header(to_oid(id)).map_err(|source| read_error(id, source))?;
        let kind = ObjectKind::from_git(kind).ok_or(ReadError::Missing { id })?;
        Ok((kind, size as u64))
    }

    pub(crate) fn blob(&self, id: BlobId) -> Result<Bytes, ReadError> {
        let staged = self.staged.find(|overlay| overlay.blobs.get(&id).cloned());
        match staged {
            Some(content) => Ok(content),
            None => self.read_kind(id.into(), ObjectKind::Blob),
        }
    }

    pub(crate) fn blob_size(&self, id: BlobId) -> Result<u64, ReadError> {
        let staged = self.staged.find(|overlay| overlay.blobs.get(&id).map(|content| content.len() as u64));
        match staged {
            Some(size) => Ok(size),
            None => match self.header(id.into())? {
                (ObjectKind::Blob, size) => Ok(size),
                _ => Err(ReadError::WrongKind { id: id.into(), expected: ObjectKind::Blob }),
            },
        }
    }

    pub(crate) fn commit(&self, id: CommitId) -> Result<Commit, ReadError> {
        parse(id, &self.structure(id.into(), ObjectKind::Commit)?)
    }

    pub(crate) fn tree_of(&self, id: CommitId) -> Result<TreeId, ReadError> {
        Ok(self.commit(id)?.tree)
    }

    /// Reads an object that is no file, unless it is so large that it can only be an attack: its size tells that for nothing.
    pub(crate) fn structure(&self, id: ObjectId, expected: ObjectKind) -> Result<Bytes, ReadError> {
        let (kind, bytes) = self.header(id)?;
        if bytes > kind.bytes_max() {
            return Err(ReadError::TooLarge { id, kind, bytes });
        }
        self.read_kind(id, expected)
    }

    /// Reads a directory as it is, whatever is in it.
    pub(crate) fn raw_tree(&self, id: TreeId) -> Result<Bytes, ReadError> {
        if id == TreeId::EMPTY {
            return Ok(Bytes::new());
        }
        if let Some(staged) = self.staged_tree(id) {
            return Ok(staged.as_bytes().clone());
        }
        self.structure(id.into(), ObjectKind::Tree)
    }

    fn staged_tree(&self, id: TreeId) -> Option<Tree> {
        self.staged.find(|overlay| overlay.trees.get(&id).cloned())
    }

    /// Returns what is at a path, with its size.
    pub(crate) fn entry(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Entry>, ReadError> {
        let found = self.find(root, path)?;
        found.map(|(mode, id)| self.entry_of(path.clone(), mode, id)).transpose()
    }

    pub(crate) fn entry_of(&self, path: ConfigPath, mode: EntryMode, id: ObjectId) -> Result<Entry, ReadError> {
        let size_bytes = if mode == EntryMode::Directory { 0 } else { self.blob_size(id.into())? };
        Ok(Entry { path, mode, id, size_bytes })
    }

    pub(crate) fn file_id(&self, root: TreeId, path: &ConfigPath) -> Result<Option<ObjectId>, ReadError> {
        let found = self.find(root, path)?;
        Ok(found.and_then(|(mode, id)| (mode != EntryMode::Directory).then_some(id)))
    }

    pub(crate) fn file(&self, root: TreeId, path: &ConfigPath) -> Result<Option<(Entry, Bytes)>, ReadError> {
        match self.find(root, path)? {
            None | Some((EntryMode::Directory, _)) => Ok(None),
            Some((mode, id)) => {
                let content = self.blob(id.into())?;
                let size_bytes = content.len() as u64;
                Ok(Some((Entry { path: path.clone(), mode, id, size_bytes }, content)))
            }
        }
    }

    fn read_kind(&self, id: ObjectId, expected: ObjectKind) -> Result<Bytes, ReadError> {
        match self.read(id)? {
            (kind, content) if kind == expected => Ok(content),
            _ => Err(ReadError::WrongKind { id, expected }),
        }
    }
}

impl TreeLookup for Objects<'_> {
    fn tree(&self, id: TreeId) -> Result<Tree, ReadError> {
        if let Some(tree) = self.staged_tree(id).or_else(|| self.trees.get(id)) {
            return Ok(tree);
        }
        let tree = Tree::parse(self.raw_tree(id)?).map_err(|source| ReadError::Tree { id, source })?;
        self.trees.put(id, &tree);
        Ok(tree)
    }
}

pub(crate) fn to_oid(id: impl Into<ObjectId>) -> Oid {
    Oid::from_bytes(id.into().as_bytes()).expect("twenty bytes are an object id of libgit2")
}

pub(crate) fn from_oid(oid: Oid) -> ObjectId {
    ObjectId::from_slice(oid.as_bytes()).expect("libgit2 is built for ids of twenty bytes")
}

fn read_error(id: ObjectId, source: git2::Error) -> ReadError {
    if source.code() == ErrorCode::NotFound { ReadError::Missing { id } } else { ReadError::Object { id, source } }
}
