//! A tree of files in Git's encoding, as a store would send it to a host: without a repository.

use crate::content::{WIDTH, changes, content_of, directory_name, file_name, path_of};
use anyhow::Context as _;
use bytes::Bytes;
use configbus_model::{
    BlobId, CommitId, Delta, EntryMode, Epoch, Head, ObjectId, Revision, Tree, TreeEntry, TreeId, blob_id,
};

/// Ids of files, of the directories they are in, and of the directories those are in.
pub(crate) struct Objects {
    files: Vec<BlobId>,
    versions: Vec<usize>,
    leaves: Vec<TreeId>,
    middles: Vec<TreeId>,
    revision: u64,
    changes: Box<dyn Iterator<Item = (usize, usize)>>,
}

/// One changed file.
pub(crate) struct Change {
    /// What a host is sent.
    pub(crate) delta: Delta,
    /// Path of the file.
    pub(crate) path: String,
    /// What it holds now.
    pub(crate) content: String,
}

impl Objects {
    /// Makes a tree whose files are all in their first version.
    pub(crate) fn new(files: usize) -> anyhow::Result<Self> {
        let ids = (0..files).map(|number| blob_id(content_of(number, 0).as_bytes())).collect::<Result<Vec<_>, _>>()?;
        let mut objects = Self {
            versions: vec![0; files],
            leaves: Vec::new(),
            middles: Vec::new(),
            files: ids,
            revision: 1,
            changes: Box::new(changes(files)),
        };
        for leaf in 0..files.div_ceil(WIDTH) {
            objects.leaves.push(objects.leaf(leaf).id()?);
        }
        for middle in 0..objects.leaves.len().div_ceil(WIDTH) {
            objects.middles.push(objects.middle(middle).id()?);
        }
        Ok(objects)
    }

    /// Returns the head that shows the tree as it is; the commit is made from the revision.
    pub(crate) fn head(&self) -> anyhow::Result<Head> {
        let mut commit = [0; 20];
        commit[..8].copy_from_slice(&self.revision.to_be_bytes());
        Ok(Head {
            epoch: Epoch::FIRST,
            revision: Revision(self.revision),
            commit: CommitId::from_bytes(commit),
            tree: self.root().id()?,
            time_ms: 0,
            traceparent: None,
        })
    }

    /// Returns everything, for a host that has nothing.
    pub(crate) fn snapshot(&self) -> anyhow::Result<Delta> {
        let middles = (0..self.middles.len()).map(|middle| self.middle(middle));
        let leaves = (0..self.leaves.len()).map(|leaf| self.leaf(leaf));
        let trees = [self.root()].into_iter().chain(middles).chain(leaves).map(|tree| tree.as_bytes().clone());
        let blobs = self.versions.iter().enumerate().map(|(number, &version)| Bytes::from(content_of(number, version)));
        Ok(Delta { from: None, to: self.head()?, trees: trees.collect(), blobs: blobs.collect() })
    }

    /// Changes one file.
    pub(crate) fn change(&mut self) -> anyhow::Result<Change> {
        let from = Some(self.head()?);
        let (number, version) = self.changes.next().context("changes never end")?;
        let content = content_of(number, version);
        (self.files[number], self.versions[number]) = (blob_id(content.as_bytes())?, version);
        let leaf = self.leaf(number / WIDTH);
        self.leaves[number / WIDTH] = leaf.id()?;
        let middle = self.middle(number / WIDTH / WIDTH);
        self.middles[number / WIDTH / WIDTH] = middle.id()?;
        self.revision += 1;
        let trees = [leaf, middle, self.root()].map(|tree| tree.as_bytes().clone()).into();
        let delta = Delta { from, to: self.head()?, trees, blobs: vec![content.clone().into()] };
        Ok(Change { delta, path: path_of(number), content })
    }

    fn root(&self) -> Tree {
        directories(&self.middles, 0)
    }

    fn middle(&self, number: usize) -> Tree {
        directories(&self.leaves, number)
    }

    fn leaf(&self, number: usize) -> Tree {
        build(slice(&self.files, number), EntryMode::File, file_name)
    }
}

fn directories(of: &[TreeId], number: usize) -> Tree {
    build(slice(of, number), EntryMode::Directory, directory_name)
}

/// Returns what is in one directory.
fn slice<T>(of: &[T], number: usize) -> &[T] {
    &of[number * WIDTH..of.len().min((number + 1) * WIDTH)]
}

fn build<Id: Copy + Into<ObjectId>>(ids: &[Id], mode: EntryMode, name: fn(usize) -> String) -> Tree {
    let names: Vec<String> = (0..ids.len()).map(name).collect();
    Tree::build(names.iter().zip(ids).map(|(name, &id)| TreeEntry { name, mode, id: id.into() }))
}
