//! Finding files and directories in what is held and staged, and the one tree that shows many.

use super::{Content, DeliveryError, DiskError, Resolution, RootDisk, Stagings, TreeIndex, Vector};
use bytes::Bytes;
use configbus_model::{BlobId, Composition, ConfigPath, EntryMode, Tree, TreeId};
use std::{collections::HashMap, fs};

/// Grafts the namespaces of a vector, whose trees are held or resolved, into one tree.
pub(super) fn compose(vector: &Vector, held: &TreeIndex, resolved: &Resolution) -> Result<Composition, DeliveryError> {
    let new: HashMap<_, _> = resolved.trees.iter().map(|(id, tree)| (*id, tree)).collect();
    let tree = |id: TreeId| new.get(&id).copied().or_else(|| held.get(id)).cloned();
    Ok(Composition::of(vector.main.tree, &vector.parts(), tree)?)
}

/// Finds the announced trees in the one that shows them all and holds them again; `false` when they are not what was
/// announced.
pub(super) fn take_apart(vector: &Vector, effective: TreeId, held: &mut TreeIndex) -> bool {
    let prefixes: Vec<_> = vector.mounted.values().map(|mounted| mounted.prefix.clone()).collect();
    let undone = Composition::undo(effective, &prefixes, |id| held.get(id).cloned());
    let Ok(undone) = undone else { return false };
    let announced = vector.mounted.values().map(|mounted| mounted.head.tree);
    let is_same = undone.root == vector.main.tree && announced.eq(undone.parts);
    undone.trees.into_iter().for_each(|(id, tree)| held.insert(id, tree));
    is_same
}

/// Returns the id of a file.
pub(super) fn find(
    root: TreeId,
    path: &ConfigPath,
    held: &TreeIndex,
    staged: &Stagings,
) -> Result<Option<BlobId>, DeliveryError> {
    let mut directory = Some(root);
    let mut file = None;
    for name in path.components() {
        let Some(id) = directory.take() else { return Ok(None) };
        let entry = tree(id, held, staged)?;
        match entry.get(name) {
            Some(entry) if entry.mode == EntryMode::Directory => directory = Some(entry.id.into()),
            found => file = found.map(|entry| BlobId::from(entry.id)),
        }
    }
    Ok(file.filter(|_| directory.is_none()))
}

fn tree(id: TreeId, held: &TreeIndex, staged: &Stagings) -> Result<Tree, DeliveryError> {
    if id == TreeId::EMPTY {
        return Ok(Tree::build([]));
    }
    if let Some(tree) = held.get(id) {
        return Ok(tree.clone());
    }
    let place = || "the way to a file".to_owned();
    let encoded =
        staged.tree(id).ok_or_else(|| DeliveryError::Missing { kind: "tree", id: id.into(), place: place() })?;
    Tree::parse(encoded.clone()).map_err(|source| DeliveryError::Tree { place: place(), source })
}

/// Reads a file that is staged or here.
pub(super) fn content(
    disk: &RootDisk,
    staged: &Stagings,
    id: BlobId,
    path: &ConfigPath,
) -> Result<Bytes, DeliveryError> {
    let file = match staged.blob(id) {
        Some(Content::Memory(bytes)) => return Ok(bytes.clone()),
        Some(Content::Spilled(file)) => file.clone(),
        None => {
            let names = [false, true].map(|executable| disk.root.blob(id, executable));
            let missing = || DeliveryError::Missing { kind: "blob", id: id.into(), place: path.to_string() };
            names.into_iter().find(|name| name.exists()).ok_or_else(missing)?
        }
    };
    Ok(fs::read(&file).map_err(DiskError::at("read", &file))?.into())
}
