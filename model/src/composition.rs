//! One tree over many: the roots of mounted namespaces grafted into that of `main`.
//!
//! The result is Git trees like any other, so whatever shows a tree to readers shows a composed one as it would show one
//! that was announced, and the cost of a change is the directories on the way to it. Only the directories above a mount
//! are made anew; everything else is shared by its id. What is below a mounted prefix belongs to the namespace there: an
//! outer directory of that name is hidden, which the gate keeps from mattering.

use crate::{ConfigPath, EntryMode, HashError, Tree, TreeEntry, TreeId};
use std::collections::BTreeMap;

/// The root of one namespace at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is seen.
    pub prefix: ConfigPath,
    /// Its root tree.
    pub root: TreeId,
}

/// Why trees do not make one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompositionError {
    /// A directory on the way is not known.
    #[error("tree {id} of {place} is not known here")]
    Missing {
        /// Which.
        id: TreeId,
        /// Where it is seen.
        place: String,
    },
    /// A file is where a directory has to be.
    #[error("{path} is a file, so that nothing can be mounted at {prefix}")]
    InTheWay {
        /// The file.
        path: String,
        /// What is mounted there or below.
        prefix: ConfigPath,
    },
    /// Two mounts of one place.
    #[error("two namespaces are mounted at {prefix}")]
    Twice {
        /// The place.
        prefix: ConfigPath,
    },
    /// Content was made to collide.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Many trees as one, or one as many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composition {
    /// The root: of everything after [`Composition::of`], of `main` alone after [`Composition::undo`].
    pub root: TreeId,
    /// For each part, in the order it was given: after `of` the tree that is seen at its prefix, with what is mounted
    /// inside; after `undo` its own root.
    pub parts: Vec<TreeId>,
    /// Directories made on the way, each after its sub-directories.
    pub trees: Vec<(TreeId, Tree)>,
}

impl Composition {
    /// Grafts each part into the tree of `main`. An empty part shows nothing, and directories that would only lead to
    /// it are not made.
    pub fn of(main: TreeId, parts: &[Part], tree: impl Fn(TreeId) -> Option<Tree>) -> Result<Self, CompositionError> {
        let mut work = Work { tree, mounted: parts.iter().map(|part| part.root).collect(), trees: Vec::new() };
        let places = parts.iter().enumerate().map(|(number, part)| Place::new(number, &part.prefix)).collect();
        let root = work.graft("", Some(main), places)?;
        Ok(Self { root: root.unwrap_or(TreeId::EMPTY), parts: work.mounted, trees: work.trees })
    }

    /// Takes apart what was composed: the inverse of [`Composition::of`], unless an outer directory was hidden or had
    /// directories without files. Whoever needs to be sure compares the ids.
    pub fn undo(
        root: TreeId,
        prefixes: &[ConfigPath],
        tree: impl Fn(TreeId) -> Option<Tree>,
    ) -> Result<Self, CompositionError> {
        let mut work = Work { tree, mounted: vec![TreeId::EMPTY; prefixes.len()], trees: Vec::new() };
        let places = prefixes.iter().enumerate().map(|(number, prefix)| Place::new(number, prefix)).collect();
        let root = work.cut("", Some(root), places)?;
        Ok(Self { root: root.unwrap_or(TreeId::EMPTY), parts: work.mounted, trees: work.trees })
    }
}

/// A mount on the way down to it.
struct Place<'a> {
    number: usize,
    prefix: &'a ConfigPath,
    /// What is still to go; empty at the mount.
    rest: &'a str,
}

impl<'a> Place<'a> {
    fn new(number: usize, prefix: &'a ConfigPath) -> Self {
        Self { number, prefix, rest: prefix.as_str() }
    }

    /// Splits off the next name.
    fn below(self) -> (&'a str, Self) {
        let (name, rest) = self.rest.split_once('/').unwrap_or((self.rest, ""));
        (name, Self { rest, ..self })
    }
}

type Below<'a> = BTreeMap<&'a str, Vec<Place<'a>>>;

/// Separates what is mounted here from what is mounted further down.
fn sort<'a>(places: Vec<Place<'a>>) -> Result<(Option<Place<'a>>, Below<'a>), CompositionError> {
    let (mut here, mut below) = (None, Below::new());
    for place in places {
        if !place.rest.is_empty() {
            let (name, place) = place.below();
            below.entry(name).or_default().push(place);
        } else if let Some(Place { prefix, .. }) = here.replace(place) {
            return Err(CompositionError::Twice { prefix: prefix.clone() });
        }
    }
    Ok((here, below))
}

struct Work<F> {
    tree: F,
    mounted: Vec<TreeId>,
    trees: Vec<(TreeId, Tree)>,
}

impl<F: Fn(TreeId) -> Option<Tree>> Work<F> {
    /// Returns the directory at `place` with all mounts at and below it; `None` when nothing is there.
    fn graft(
        &mut self,
        place: &str,
        outer: Option<TreeId>,
        places: Vec<Place<'_>>,
    ) -> Result<Option<TreeId>, CompositionError> {
        let (here, below) = sort(places)?;
        let own = match &here {
            Some(here) => Some(self.mounted[here.number]).filter(|root| *root != TreeId::EMPTY),
            None => outer,
        };
        let shown = self.change(place, own, below, |work, child, before, places| work.graft(child, before, places))?;
        if let Some(here) = here {
            self.mounted[here.number] = shown.unwrap_or(TreeId::EMPTY);
        }
        Ok(shown)
    }

    /// Returns what the directory at `place` is without the mounts at and below it.
    fn cut(
        &mut self,
        place: &str,
        shown: Option<TreeId>,
        places: Vec<Place<'_>>,
    ) -> Result<Option<TreeId>, CompositionError> {
        let (here, below) = sort(places)?;
        let own = self.change(place, shown, below, |work, child, before, places| work.cut(child, before, places))?;
        let Some(here) = here else { return Ok(own) };
        self.mounted[here.number] = own.unwrap_or(TreeId::EMPTY);
        Ok(None)
    }

    /// Returns the directory `before` with the directories in `below` as `child` makes them.
    fn change(
        &mut self,
        place: &str,
        before: Option<TreeId>,
        below: Below<'_>,
        child: impl Fn(&mut Self, &str, Option<TreeId>, Vec<Place<'_>>) -> Result<Option<TreeId>, CompositionError>,
    ) -> Result<Option<TreeId>, CompositionError> {
        if below.is_empty() {
            return Ok(before);
        }
        let tree = self.directory(place, before)?;
        let mut changes = BTreeMap::new();
        for (name, places) in below {
            let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
            let old = match tree.get(name) {
                Some(TreeEntry { mode: EntryMode::Directory, id, .. }) => Some(TreeId::from(id)),
                None => None,
                Some(_) => return Err(CompositionError::InTheWay { path, prefix: places[0].prefix.clone() }),
            };
            let new = child(self, &path, old, places)?;
            if new != old {
                changes.insert(name, new.map(|id| (EntryMode::Directory, id.into())));
            }
        }
        if changes.is_empty() {
            return Ok(before);
        }
        let tree = tree.with(&changes);
        if tree.is_empty() {
            return Ok(None);
        }
        let id = tree.id()?;
        self.trees.push((id, tree));
        Ok(Some(id))
    }

    fn directory(&self, place: &str, id: Option<TreeId>) -> Result<Tree, CompositionError> {
        let Some(id) = id.filter(|id| *id != TreeId::EMPTY) else { return Ok(Tree::build([])) };
        let place = || if place.is_empty() { "the root".to_owned() } else { place.to_owned() };
        (self.tree)(id).ok_or_else(|| CompositionError::Missing { id, place: place() })
    }
}

#[cfg(test)]
#[path = "composition_tests.rs"]
mod tests;
