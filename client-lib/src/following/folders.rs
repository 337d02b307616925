//! Directories that are the same in two views, so that nothing below them needs a look.
//!
//! In the layout `linked` a directory is made once per content and shared by all views, and while the older view is
//! pinned no other directory can have its inode: the same directory means the same files. In the layout `plain` each view
//! has directories of its own and nothing is saved.

use crate::{
    following::{path_glob::PathGlob, seen::Seen},
    source::{files::Visit, view::FolderId},
};
use configbus_model::ConfigPath;
use std::collections::{BTreeMap, BTreeSet};

/// The directories of a view below a pattern's base.
#[derive(Debug, Default)]
pub(crate) struct Folders(BTreeMap<ConfigPath, FolderId>);

/// Directories that were not entered.
#[derive(Debug, Default)]
pub(crate) struct Unchanged(BTreeSet<ConfigPath>);

impl Unchanged {
    /// Returns whether a file is below one of them.
    pub(crate) fn cover(&self, path: &ConfigPath) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut directory = path.parent();
        while let Some(above) = directory {
            if self.0.contains(&above) {
                return true;
            }
            directory = above.parent();
        }
        false
    }
}

impl Folders {
    /// Starts a walk that notes files that match, and enters only directories that are not those of the last walk.
    pub(crate) fn round<'a>(&'a self, glob: &'a PathGlob, seen: &'a mut BTreeMap<ConfigPath, Seen>) -> Round<'a> {
        Round { before: self, glob, seen, walked: Self::default(), unchanged: Unchanged::default() }
    }

    fn below<'a>(&'a self, directory: &'a ConfigPath) -> impl Iterator<Item = (&'a ConfigPath, &'a FolderId)> {
        let from = self.0.range::<ConfigPath, _>(directory..);
        // In path order `a-b` comes between `a` and `a/b`.
        from.take_while(|(path, _)| path.as_str().starts_with(directory.as_str()))
            .filter(|(path, _)| path.is_at_or_below(directory.as_str()))
    }
}

/// One walk.
pub(crate) struct Round<'a> {
    before: &'a Folders,
    glob: &'a PathGlob,
    seen: &'a mut BTreeMap<ConfigPath, Seen>,
    walked: Folders,
    unchanged: Unchanged,
}

impl Round<'_> {
    pub(crate) fn finish(self) -> (Folders, Unchanged) {
        (self.walked, self.unchanged)
    }
}

impl Visit for Round<'_> {
    fn file(&mut self, path: ConfigPath) {
        if self.glob.is_match(&path) {
            self.seen.entry(path).or_default();
        }
    }

    fn enters(&mut self, directory: &ConfigPath, id: FolderId) -> bool {
        let is_same = self.before.0.get(directory) == Some(&id);
        if is_same {
            let below = self.before.below(directory).map(|(path, id)| (path.clone(), *id));
            self.walked.0.extend(below);
            self.unchanged.0.insert(directory.clone());
        } else {
            self.walked.0.insert(directory.clone(), id);
        }
        !is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> ConfigPath {
        ConfigPath::parse(path).unwrap()
    }

    fn walk(folders: &Folders, directories: &[(&str, u64)]) -> (Folders, Vec<bool>) {
        let glob = PathGlob::parse("**").unwrap();
        let mut seen = BTreeMap::new();
        let mut round = folders.round(&glob, &mut seen);
        let enter = |(name, inode): &(&str, u64)| round.enters(&path(name), FolderId { device: 1, inode: *inode });
        let entered = directories.iter().map(enter).collect();
        (round.finish().0, entered)
    }

    #[test]
    fn a_directory_is_entered_again_only_when_it_is_another_one() {
        let (first, entered) = walk(&Folders::default(), &[("a", 1), ("a/b", 2), ("a-b", 3), ("c", 4)]);
        assert_eq!(entered, [true; 4]);
        let (second, entered) = walk(&first, &[("a", 1), ("a-b", 30), ("c", 4)]);
        assert_eq!(entered, [false, true, false]);
        // What is below a directory that was not entered is still known.
        let (_, entered) = walk(&second, &[("a", 10), ("a/b", 2), ("a-b", 30)]);
        assert_eq!(entered, [true, false, false]);
    }

    #[test]
    fn everything_below_an_unchanged_directory_is_covered() {
        let unchanged = Unchanged(BTreeSet::from([path("a/b")]));
        for (file, covered) in [("a/b/c", true), ("a/b/c/d", true), ("a/bc", false), ("a/x", false), ("x", false)] {
            assert_eq!(unchanged.cover(&path(file)), covered, "{file}");
        }
        assert!(!Unchanged::default().cover(&path("a")));
    }
}
