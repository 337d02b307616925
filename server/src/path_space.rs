//! The one path space as one caller sees it: which namespace has a path, and what its files are called there.
//!
//! Requests name paths of the one path space, or a namespace and paths in it. Whoever may not read a mounted namespace
//! is answered as if nothing were mounted there.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use configbus_model::{Change, ConfigPath, Entry, ErrorKind, Located, Namespace};
use std::sync::Arc;

/// Somewhere in the path space: a namespace, and where its root is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) live: Arc<LiveNamespace>,
    /// Where it is mounted; absent for `main`, and when the request names the namespace.
    pub(crate) mounted_at: Option<ConfigPath>,
    /// The path within the namespace; absent for its root.
    pub(crate) path: Option<ConfigPath>,
}

impl Place {
    /// Returns the path within the namespace as text; empty for its root.
    pub(crate) fn prefix(&self) -> String {
        self.path.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// Returns what a path of the namespace is called in answers. One that is too long there keeps its name.
    pub(crate) fn public(&self, path: &ConfigPath) -> ConfigPath {
        let Some(mounted_at) = &self.mounted_at else { return path.clone() };
        ConfigPath::parse(&format!("{mounted_at}/{path}")).unwrap_or_else(|_| path.clone())
    }

    /// Returns an entry as answers have it.
    pub(crate) fn entry(&self, entry: Entry) -> Entry {
        match self.mounted_at {
            None => entry,
            Some(_) => Entry { path: self.public(&entry.path), ..entry },
        }
    }

    /// Returns a change as answers have it.
    pub(crate) fn change(&self, change: Change) -> Change {
        match change {
            Change::Added(entry) => Change::Added(self.entry(entry)),
            Change::Modified { old, new } => Change::Modified { old: self.entry(old), new: self.entry(new) },
            Change::Deleted(entry) => Change::Deleted(self.entry(entry)),
        }
    }

    /// Returns changes as answers have them.
    pub(crate) fn changes(&self, changes: Vec<Change>) -> Vec<Change> {
        match self.mounted_at {
            None => changes,
            Some(_) => changes.into_iter().map(|change| self.change(change)).collect(),
        }
    }

    /// Has a failure name paths as answers do.
    pub(crate) fn failure(&self, mut failure: Failure) -> Failure {
        let Some(mounted_at) = &self.mounted_at else { return failure };
        for conflict in &mut failure.details.conflicts {
            let public = format!("{mounted_at}/{}", conflict.path);
            if failure.message.starts_with(&conflict.path) {
                failure.message = failure.message.replacen(&conflict.path, &public, 1);
            }
            conflict.path = public;
        }
        for finding in &mut failure.details.findings {
            finding.place = format!("{mounted_at}/{}", finding.place);
        }
        failure
    }
}

impl Bus {
    /// Returns where a path is that somebody wants to read; `None` is the root.
    pub(crate) fn place(&self, caller: &Caller, path: Option<&ConfigPath>) -> Result<Place, Failure> {
        let Some(path) = path else { return self.root(caller) };
        let mounts = self.namespaces.mounts();
        let Located { namespace, path: inner } = mounts.locate(path);
        let mounted_at = mounts.mount_of(&namespace).map(|mount| mount.prefix.clone());
        match (mounted_at, self.namespaces.get(&namespace)) {
            (Some(mounted_at), Some(live)) if caller.check(&namespace).is_ok() => {
                Ok(Place { live, mounted_at: Some(mounted_at), path: inner })
            }
            // What is there is none of their business: `main` says that it has nothing there.
            _ => Ok(Place { path: Some(path.clone()), ..self.root(caller)? }),
        }
    }

    fn root(&self, caller: &Caller) -> Result<Place, Failure> {
        Ok(Place { live: self.main(caller)?, mounted_at: None, path: None })
    }

    /// Returns where a path of a request is: within the namespace that it names, or in the one path space when that is
    /// `main`.
    pub(crate) fn place_in(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        path: Option<&ConfigPath>,
    ) -> Result<Place, Failure> {
        if *namespace == Namespace::main() {
            return self.place(caller, path);
        }
        let (live, path) = (self.namespace(caller, namespace)?, path.cloned());
        Ok(Place { live, mounted_at: None, path })
    }

    /// Returns where a path is that somebody wants to change.
    pub(crate) fn place_to_change(&self, caller: &Caller, path: &ConfigPath) -> Result<Place, Failure> {
        let mounts = self.namespaces.mounts();
        let namespace = mounts.locate(path).namespace;
        if let Err(failure) = caller.check(&namespace) {
            let is_told = namespace == Namespace::main() || caller.principal.roles.sees(&namespace);
            let untold =
                || Failure::new(ErrorKind::Denied, format!("{} may not do this at {path}", caller.principal.name));
            return Err(if is_told { failure } else { untold() });
        }
        self.place(caller, Some(path))
    }

    /// Returns the one namespace that has all of these paths, with what each is called there.
    pub(crate) fn place_of_all<'a>(
        &self,
        caller: &Caller,
        paths: impl Iterator<Item = &'a ConfigPath>,
    ) -> Result<(Place, Vec<ConfigPath>), Failure> {
        let mut first: Option<(&ConfigPath, Place)> = None;
        let mut inner = Vec::new();
        for path in paths {
            let place = self.place_to_change(caller, path)?;
            let Some(within) = place.path.clone() else {
                let text =
                    format!("{path} is where the namespace {} is mounted, which is a directory", place.live.name);
                return Err(Failure::invalid(text));
            };
            inner.push(within);
            match &first {
                None => first = Some((path, place)),
                Some((_, other)) if other.live.name == place.live.name => {}
                Some((other_path, other)) => {
                    let (one, two) = (&other.live.name, &place.live.name);
                    let text = format!(
                        "{other_path} is in the namespace {one}, {path} in {two}: what lands together has to be in one \
                         namespace, send two requests"
                    );
                    return Err(Failure::invalid(text));
                }
            }
        }
        match first {
            Some((_, place)) => Ok((place, inner)),
            None => Ok((self.root(caller)?, inner)),
        }
    }
}
