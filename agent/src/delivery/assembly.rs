//! Decides which revisions readers see together. Pure.
//!
//! Namespaces move on their own, but a revision of `main` that mounts one is shown only together with it: it is parked
//! until the namespace is here, and meanwhile the others move on beside the `main` that readers see. Everything
//! that became complete since then is shown in one flip.

use super::{Mounted, Vector};
use configbus_model::{Head, MountTable, Namespace, Position};
use std::collections::{BTreeMap, BTreeSet};

/// A store's answer to which namespaces are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scope {
    /// This host may not read them: it shows the rest.
    pub(crate) denied: BTreeSet<Namespace>,
    /// They have no revision yet, so that there is nothing to wait for.
    pub(crate) empty: BTreeSet<Namespace>,
}

/// A namespace without which a revision of `main` is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) namespace: Namespace,
    /// From which position on; any when it was empty when it was mounted.
    pub(crate) since: Option<Position>,
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.since {
            Some(since) => write!(f, "{} from {since} on", self.namespace),
            None => self.namespace.fmt(f),
        }
    }
}

/// What is visible, what is complete and waits, and what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    visible: Option<Vector>,
    /// Mounts of the `main` that is visible.
    table: MountTable,
    /// What is visible cannot be built upon.
    doubted: bool,
    parked: BTreeMap<Namespace, Head>,
    /// Mounts of the `main` that is parked.
    parked_table: Option<MountTable>,
    scope: Scope,
    /// Nobody sends what is waited for: what may be left out is.
    expired: bool,
}

impl Assembly {
    /// Starts with what readers see.
    pub(crate) fn new(visible: Option<Vector>, table: MountTable, doubted: bool) -> Self {
        Self { visible, table, doubted, ..Self::default() }
    }

    /// Returns the namespaces that belong to what readers see and to what they will see, those besides `main`.
    pub(crate) fn wanted(&self) -> BTreeSet<Namespace> {
        let tables = [Some(&self.table), self.parked_table.as_ref()].into_iter().flatten();
        tables.flat_map(MountTable::iter).map(|mount| mount.namespace.clone()).collect()
    }

    /// Returns what is complete and not visible.
    pub(crate) fn parked(&self) -> &BTreeMap<Namespace, Head> {
        &self.parked
    }

    /// Returns those that this host may not read.
    pub(crate) fn denied(&self) -> BTreeSet<Namespace> {
        self.wanted().intersection(&self.scope.denied).cloned().collect()
    }

    /// Takes a revision that is complete; that of `main` comes with its mounts.
    pub(crate) fn park(&mut self, namespace: Namespace, head: Head, table: Option<MountTable>) {
        if namespace == Namespace::main() {
            (self.parked_table, self.expired) = (table, false);
        }
        self.parked.insert(namespace, head);
    }

    /// Forgets a revision that was complete.
    pub(crate) fn unpark(&mut self, namespace: &Namespace) {
        if *namespace == Namespace::main() {
            self.parked_table = None;
        }
        self.parked.remove(namespace);
    }

    /// Builds on nothing that is here; returns what was parked.
    pub(crate) fn doubt(&mut self) -> BTreeMap<Namespace, Head> {
        (self.doubted, self.parked_table) = (true, None);
        std::mem::take(&mut self.parked)
    }

    /// Takes a store's word.
    pub(crate) fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// Waits no longer for what may be left out.
    pub(crate) fn expire(&mut self) {
        self.expired = true;
    }

    /// Returns what should be shown, if readers do not see it yet.
    pub(crate) fn next(&self) -> Option<Vector> {
        let parked = self.parked_main().and_then(|(head, table)| {
            let awaited = table.iter().any(|mount| self.is_awaited(mount));
            (!awaited).then(|| self.vector(head, table))
        });
        let visible = || {
            let main = self.visible.as_ref().filter(|_| !self.doubted)?.main.clone();
            Some(self.vector(&main, &self.table))
        };
        let next = parked.or_else(visible)?;
        (self.doubted || self.visible.as_ref() != Some(&next)).then_some(next)
    }

    /// Returns what the parked revision of `main` waits for.
    pub(crate) fn awaited(&self) -> Vec<Awaited> {
        let Some((_, table)) = self.parked_main() else { return Vec::new() };
        let awaited = table.iter().filter(|mount| self.is_awaited(mount));
        awaited.map(|mount| Awaited { namespace: mount.namespace.clone(), since: mount.since }).collect()
    }

    /// Notes that readers see it; returns what was parked and is of no use any more.
    pub(crate) fn shown(&mut self, vector: Vector) -> Vec<Namespace> {
        if self.parked.get(&Namespace::main()) == Some(&vector.main) {
            self.table = self.parked_table.take().unwrap_or_default();
        }
        (self.visible, self.doubted) = (Some(vector), false);
        let wanted = self.wanted();
        let visible = self.visible.as_ref();
        let keep = |namespace: &Namespace, head: &Head| {
            let is_wanted = *namespace == Namespace::main() || wanted.contains(namespace);
            is_wanted && visible.and_then(|visible| visible.head_of(namespace)) != Some(head)
        };
        let gone: Vec<_> = self
            .parked
            .iter()
            .filter(|(namespace, head)| !keep(namespace, head))
            .map(|(name, _)| name.clone())
            .collect();
        gone.iter().for_each(|namespace| drop(self.parked.remove(namespace)));
        gone
    }

    fn parked_main(&self) -> Option<(&Head, &MountTable)> {
        Some((self.parked.get(&Namespace::main())?, self.parked_table.as_ref()?))
    }

    /// Returns the newest revision of a mounted namespace that is here and may be shown at its place.
    fn held(&self, mount: &configbus_model::Mount) -> Option<&Head> {
        let visible = self.visible.as_ref().filter(|_| !self.doubted);
        let visible = visible.and_then(|visible| visible.head_of(&mount.namespace));
        let held = self.parked.get(&mount.namespace).or(visible)?;
        mount.since.is_none_or(|since| held.position() >= since).then_some(held)
    }

    fn is_awaited(&self, mount: &configbus_model::Mount) -> bool {
        let may_lack = mount.since.is_none() && (self.expired || self.scope.empty.contains(&mount.namespace));
        self.held(mount).is_none() && !may_lack && !self.scope.denied.contains(&mount.namespace)
    }

    fn vector(&self, main: &Head, table: &MountTable) -> Vector {
        let shown = table.iter().filter(|mount| !self.scope.denied.contains(&mount.namespace));
        let mounted = shown.filter_map(|mount| {
            let head = self.held(mount)?.clone();
            Some((mount.namespace.clone(), Mounted { prefix: mount.prefix.clone(), head }))
        });
        Vector { main: main.clone(), mounted: mounted.collect() }
    }
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
