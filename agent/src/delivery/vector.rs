//! Which revisions readers see together.

use configbus_model::{ConfigPath, Head, Namespace, Part, TreeId};
use std::collections::BTreeMap;

/// A namespace besides `main`, at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// Where it is seen.
    pub prefix: ConfigPath,
    /// Its revision.
    pub head: Head,
}

/// One revision of each namespace: `main` at the root, the others at their prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Revision of `main`.
    pub main: Head,
    /// Revisions of the others.
    pub mounted: BTreeMap<Namespace, Mounted>,
}

impl Vector {
    /// Returns the head of a namespace.
    pub fn head_of(&self, namespace: &Namespace) -> Option<&Head> {
        if *namespace == Namespace::main() {
            return Some(&self.main);
        }
        self.mounted.get(namespace).map(|mounted| &mounted.head)
    }

    /// Iterates all heads, that of `main` first.
    pub fn heads(&self) -> impl Iterator<Item = (Namespace, &Head)> {
        let others = self.mounted.iter().map(|(namespace, mounted)| (namespace.clone(), &mounted.head));
        std::iter::once((Namespace::main(), &self.main)).chain(others)
    }

    /// Returns what is grafted into the tree of `main`.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let part = |mounted: &Mounted| Part { prefix: mounted.prefix.clone(), root: mounted.head.tree };
        self.mounted.values().map(part).collect()
    }

    /// Iterates the trees that were announced.
    pub(crate) fn announced_trees(&self) -> impl Iterator<Item = TreeId> {
        self.heads().map(|(_, head)| head.tree).collect::<Vec<_>>().into_iter()
    }
}

impl From<Head> for Vector {
    fn from(main: Head) -> Self {
        Self { main, mounted: BTreeMap::new() }
    }
}
