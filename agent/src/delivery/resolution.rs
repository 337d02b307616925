//! What of the staged objects makes up a revision. Pure: nothing here touches the disk.

use super::{DeliveryError, Extent, Stagings, TreeIndex};
use configbus_model::{BlobId, EntryMode, PathLimits, Tree, TreeEntry, TreeId};
use std::collections::{BTreeSet, HashMap};

/// Most files and directories of a view. Trees can name each other so that a few hundred bytes stand for billions.
const ENTRIES_MAX: u64 = 4_000_000;

/// Staged objects that are reachable from the announced tree, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// Directories that are not held yet, each after its sub-directories.
    pub(crate) trees: Vec<(TreeId, Tree)>,
    /// Contents that came along and are used, with whether as an executable.
    pub(crate) blobs: BTreeSet<(BlobId, bool)>,
}

/// Walks from each root through what is staged until everything below is held.
pub(crate) fn resolve(
    roots: impl IntoIterator<Item = TreeId>,
    held: &TreeIndex,
    staged: &Stagings,
) -> Result<Resolution, DeliveryError> {
    let mut walk = Walk { held, staged, extents: HashMap::new(), found: Resolution::default() };
    for root in roots {
        walk.directory(root, &mut Vec::new())?;
        let extent = walk.extent(root).unwrap_or_default();
        check("entries", extent.entries, ENTRIES_MAX)?;
        check("levels of directories", extent.levels, PathLimits::DEFAULT.depth_max as u64)?;
    }
    Ok(walk.found)
}

fn check(what: &'static str, actual: u64, max: u64) -> Result<(), DeliveryError> {
    if actual > max { Err(DeliveryError::TooLarge { what, actual, max }) } else { Ok(()) }
}

struct Walk<'a> {
    held: &'a TreeIndex,
    staged: &'a Stagings,
    extents: HashMap<TreeId, Extent>,
    found: Resolution,
}

impl Walk<'_> {
    fn extent(&self, id: TreeId) -> Option<Extent> {
        self.extents.get(&id).copied().or_else(|| self.held.extent(id))
    }

    fn directory(&mut self, id: TreeId, place: &mut Vec<String>) -> Result<(), DeliveryError> {
        if self.extent(id).is_some() {
            return Ok(());
        }
        // Bounds the recursion; the depth of what was met before counts through its extent.
        check("levels of directories", place.len() as u64 + 1, PathLimits::DEFAULT.depth_max as u64)?;
        let tree = self.parse(id, place)?;
        for entry in tree.entries() {
            self.entry(entry, place)?;
        }
        let extent = Extent::of(&tree, |id| self.extent(id));
        self.extents.insert(id, extent);
        self.found.trees.push((id, tree));
        Ok(())
    }

    fn parse(&self, id: TreeId, place: &[String]) -> Result<Tree, DeliveryError> {
        let encoded = match self.staged.tree(id) {
            Some(encoded) => encoded.clone(),
            // Git does not store it, so it need not come along.
            None if id == TreeId::EMPTY => bytes::Bytes::new(),
            None => return Err(DeliveryError::Missing { kind: "tree", id: id.into(), place: shown(place) }),
        };
        Tree::parse(encoded).map_err(|source| DeliveryError::Tree { place: shown(place), source })
    }

    fn entry(&mut self, entry: TreeEntry<'_>, place: &mut Vec<String>) -> Result<(), DeliveryError> {
        if entry.mode == EntryMode::Directory {
            place.push(entry.name.to_owned());
            self.directory(entry.id.into(), place)?;
            place.pop();
        } else if self.staged.blob(entry.id.into()).is_some() {
            self.found.blobs.insert((entry.id.into(), entry.mode == EntryMode::Executable));
        }
        Ok(())
    }
}

fn shown(place: &[String]) -> String {
    if place.is_empty() { "the root".into() } else { place.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use configbus_model::{Namespace, blob_id, tree_id};

    fn file(name: &str, content: &[u8]) -> Tree {
        Tree::build([TreeEntry { name, mode: EntryMode::File, id: blob_id(content).unwrap().into() }])
    }

    fn parent(name: &str, child: &Tree) -> Tree {
        Tree::build([TreeEntry { name, mode: EntryMode::Directory, id: child.id().unwrap().into() }])
    }

    fn staged(trees: &[&Tree], blobs: &[&'static [u8]]) -> Stagings {
        let trees: Vec<_> = trees.iter().map(|tree| tree.as_bytes().clone()).collect();
        let blobs: Vec<_> = blobs.iter().map(|content| Bytes::from_static(content)).collect();
        let mut staging = Stagings::default();
        staging.add(&Namespace::main(), &trees, &blobs).unwrap();
        staging
    }

    #[test]
    fn only_what_the_announced_tree_names_is_used() {
        let (wanted, stray) = (file("a", b"1"), file("b", b"2"));
        let root = parent("dir", &wanted);
        let staging = staged(&[&root, &stray, &wanted], &[b"1", b"2"]);
        let found = resolve([root.id().unwrap()], &TreeIndex::default(), &staging).unwrap();
        let ids: Vec<_> = found.trees.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [wanted.id().unwrap(), root.id().unwrap()]);
        assert_eq!(found.blobs, BTreeSet::from([(blob_id(b"1").unwrap(), false)]));
    }

    #[test]
    fn the_walk_stops_at_what_is_held() {
        let child = file("a", b"1");
        let root = parent("dir", &child);
        let mut held = TreeIndex::default();
        held.insert(child.id().unwrap(), child);
        let found = resolve([root.id().unwrap()], &held, &staged(&[&root], &[])).unwrap();
        assert_eq!(found.trees.len(), 1);
    }

    #[test]
    fn an_altered_tree_is_a_missing_tree() {
        let child = file("a", b"1");
        let root = parent("dir", &child);
        let altered = file("a", b"2");
        let error = resolve([root.id().unwrap()], &TreeIndex::default(), &staged(&[&root, &altered], &[])).unwrap_err();
        let id = tree_id(child.as_bytes()).unwrap();
        assert_eq!(error.to_string(), format!("tree {id} of dir did not arrive and is not on this host"));
    }

    #[test]
    fn a_tree_bomb_is_refused_before_it_explodes() {
        let mut levels = vec![Tree::build([])];
        for _ in 0..30 {
            let id = levels.last().unwrap().id().unwrap().into();
            let entry = |name| TreeEntry { name, mode: EntryMode::Directory, id };
            levels.push(Tree::build([entry("a"), entry("b"), entry("c")]));
        }
        let staging = staged(&levels.iter().collect::<Vec<_>>(), &[]);
        let error = resolve([levels[30].id().unwrap()], &TreeIndex::default(), &staging).unwrap_err();
        assert!(matches!(error, DeliveryError::TooLarge { what: "entries", .. }), "{error}");
    }

    #[test]
    fn depth_counts_through_directories_met_before() {
        let mut chain = vec![file("f", b"1")];
        for _ in 0..20 {
            let next = parent("d", chain.last().unwrap());
            chain.push(next);
        }
        let shallow = chain.last().unwrap().clone();
        let mut deep = parent("x", &shallow);
        let mut all = chain.clone();
        for _ in 0..14 {
            all.push(deep.clone());
            deep = parent("x", &deep);
        }
        let entry = |name, tree: &Tree| (name, tree.id().unwrap());
        let [a, z] = [entry("a", &shallow), entry("z", &deep)];
        let directory =
            |(name, id): (&'static str, TreeId)| TreeEntry { name, mode: EntryMode::Directory, id: id.into() };
        let root = Tree::build([directory(a), directory(z)]);
        all.extend([deep, root.clone()]);
        let error =
            resolve([root.id().unwrap()], &TreeIndex::default(), &staged(&all.iter().collect::<Vec<_>>(), &[b"1"]));
        assert!(matches!(error, Err(DeliveryError::TooLarge { what: "levels of directories", .. })), "{error:?}");
    }
}
