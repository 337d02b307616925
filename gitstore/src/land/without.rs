//! Taking a whole directory away at once.
//!
//! Deleting its files one by one would cost as much as there are of them; whoever moves a directory elsewhere while others
//! wait for the head has the time to change the directories above it, and no more.

use crate::{
    EditError, StagedEdits, Store, TreeEdit,
    land::{
        batch::StoreTrees,
        edit::{self, StagedTree},
    },
    read::{objects::Overlay, tree_lookup::TreeLookup as _},
};
use configbus_model::{ConfigPath, EntryMode, ObjectId, Tree, TreeId};
use std::collections::BTreeMap;

impl Store {
    /// Takes a directory with everything in it away from a tree and applies edits of files elsewhere, without writing
    /// anything. What becomes of the files in it is not listed.
    pub fn stage_without(
        &self,
        base: TreeId,
        directory: &ConfigPath,
        edits: &[TreeEdit],
    ) -> Result<StagedEdits, EditError> {
        let pruned = prune(&StoreTrees { store: self, staged: None }, base, directory)?;
        let root = pruned.last().map_or(TreeId::EMPTY, |staged| staged.id);
        let trees = pruned.iter().map(|staged| (staged.id, staged.tree.clone())).collect();
        let overlay = Overlay { trees, ..Overlay::default() };
        let mut staged = edit::stage(&StoreTrees { store: self, staged: Some(&overlay) }, root, edits)?;
        // A root that the edits replaced at once belongs to nothing.
        let kept = pruned.into_iter().filter(|tree| tree.id != root || staged.tree == root);
        staged.trees.extend(kept);
        staged.base = base;
        Ok(staged)
    }
}

/// Returns the directories above one that goes as they are without it, the root last. Those it leaves empty go as well.
fn prune(lookup: &StoreTrees<'_>, base: TreeId, directory: &ConfigPath) -> Result<Vec<StagedTree>, EditError> {
    let absent = || EditError::Absent { path: directory.clone() };
    let mut above: Vec<(TreeId, Tree, &str)> = Vec::new();
    let mut at = base;
    for name in directory.components() {
        let tree = lookup.tree(at)?;
        let below = tree.get(name).filter(|entry| entry.mode == EntryMode::Directory).ok_or_else(absent)?.id;
        above.push((at, tree, name));
        at = below.into();
    }
    let (mut pruned, mut left): (Vec<StagedTree>, Option<(EntryMode, ObjectId)>) = (Vec::new(), None);
    for (before, tree, name) in above.into_iter().rev() {
        let tree = tree.with(&BTreeMap::from([(name, left)]));
        if tree.is_empty() {
            left = None;
            continue;
        }
        let id = tree.id().map_err(|source| EditError::Hash { path: directory.clone(), source })?;
        left = Some((EntryMode::Directory, id.into()));
        pruned.push(StagedTree { id, tree, before: Some(before), new_names_at: None });
    }
    // Without a root there is nothing left at all.
    if left.is_none() {
        pruned.clear();
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        EditLanding,
        testing::{TestStore, files, meta, path, put},
    };

    fn check_without(before: &[(&str, &str)], directory: &str, edits: &[TreeEdit], after: &[(&str, &str)]) {
        let store = TestStore::new();
        let head = store.land(before);
        let staged = store.store.stage_without(head.tree, &path(directory), edits).unwrap();
        assert_eq!(staged.base(), head.tree);
        let landed = store.store.land_staged(Some(&head), &staged, &meta("without")).unwrap();
        let EditLanding::Landed { commit, .. } = landed else { panic!("{landed:?}") };
        store.store.move_head(Some(head.commit), commit, 2).unwrap();
        assert_eq!(store.files(), files(after));
        store.check_fsck();
    }

    #[test]
    fn a_directory_goes_with_all_that_is_in_it_and_nothing_else() {
        let before = [("a/b/c/x", "1"), ("a/b/c/d/y", "2"), ("a/z", "3"), ("bc", "4")];
        check_without(&before, "a/b", &[put("m.json", "5")], &[("a/z", "3"), ("bc", "4"), ("m.json", "5")]);
        check_without(&before, "a/b/c", &[], &[("a/z", "3"), ("bc", "4")]);
        check_without(&before, "a", &[put("a.json", "5")], &[("a.json", "5"), ("bc", "4")]);
    }

    #[test]
    fn what_is_left_empty_goes_too_up_to_the_root() {
        check_without(&[("a/b/x", "1")], "a/b", &[put("p/m.json", "5")], &[("p/m.json", "5")]);
        check_without(&[("a/b/x", "1"), ("c", "2")], "a/b", &[], &[("c", "2")]);
    }

    #[test]
    fn what_is_no_directory_cannot_go() {
        let store = TestStore::new();
        let head = store.land(&[("a/x", "1")]);
        for missing in ["a/x", "b", "a/b/c"] {
            let error = store.store.stage_without(head.tree, &path(missing), &[]).unwrap_err();
            assert!(matches!(error, EditError::Absent { .. }), "{missing}: {error}");
        }
    }
}
