//! Which namespace is seen where: one path space over many repositories.
//!
//! The table is a file of `main` ([`MOUNTS`]), written by the bus alone. So a change of mounts is a revision like any
//! other: it lands, is announced and reaches hosts in order with the files of `main` that it adds or takes away, and a host
//! that holds a revision of `main` knows from its tree what else belongs to the view. A table beside Git, in coordination
//! or in settings, would have to be kept in step with both.

use crate::{ConfigPath, Namespace, PathError, Position};
use serde::{Deserialize, Serialize};

/// Path of the table in `main`.
pub const MOUNTS: &str = ".configbus/mounts.json";

/// Most mounts of a bus: each is a repository, a committer and a mirror on every store.
pub const MOUNTS_MAX: usize = 1_000;

/// Version of the format that this release writes.
const VERSION: u32 = 1;

/// One namespace at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Directory at which its root is seen.
    pub prefix: ConfigPath,
    /// What is seen there.
    pub namespace: Namespace,
    /// Position from which it may be shown there: a holder that has less of it keeps its view until it has more. Absent
    /// for a namespace that was empty when it was mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Position>,
}

/// The table contradicts itself or is of another release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// Two mounts of one place.
    #[error("{prefix} is where {holder} is mounted already")]
    PrefixTaken {
        /// The place.
        prefix: ConfigPath,
        /// Who is there.
        holder: Namespace,
    },
    /// Two places of one namespace.
    #[error("{namespace} is mounted at {prefix} already")]
    MountedTwice {
        /// Which.
        namespace: Namespace,
        /// Where it is.
        prefix: ConfigPath,
    },
    /// `main` is at the root and nowhere else.
    #[error("main is mounted at the root and cannot be mounted at {prefix}")]
    MainIsRoot {
        /// Where it should go.
        prefix: ConfigPath,
    },
    /// The policy of a namespace cannot be another namespace.
    #[error("{prefix} is in a policy folder, choose a place outside .configbus")]
    InPolicy {
        /// The place.
        prefix: ConfigPath,
    },
    /// More than anybody should have.
    #[error("{count} namespaces are mounted, at most {MOUNTS_MAX} can be")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// Written by a later release.
    #[error("the mounts are written in version {version}, this release reads version {VERSION}")]
    Version {
        /// The one found.
        version: u32,
    },
}

/// All mounts of a bus, ordered by prefix. `main` is not among them: it is at the root.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "TableShape", into = "TableShape")]
pub struct MountTable {
    mounts: Vec<Mount>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct TableShape {
    version: u32,
    mounts: Vec<Mount>,
}

/// Where a path of the one path space is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Whose file it is.
    pub namespace: Namespace,
    /// Its path there; `None` for the root of the namespace.
    pub path: Option<ConfigPath>,
}

impl MountTable {
    /// Returns the table with one more mount.
    pub fn with(mut self, mount: Mount) -> Result<Self, MountError> {
        if mount.namespace == Namespace::main() {
            return Err(MountError::MainIsRoot { prefix: mount.prefix });
        }
        if mount.prefix.components().any(|component| component == ".configbus") {
            return Err(MountError::InPolicy { prefix: mount.prefix });
        }
        if let Some(other) = self.mounts.iter().find(|other| other.prefix == mount.prefix) {
            return Err(MountError::PrefixTaken { prefix: mount.prefix, holder: other.namespace.clone() });
        }
        if let Some(other) = self.mount_of(&mount.namespace) {
            return Err(MountError::MountedTwice { namespace: mount.namespace, prefix: other.prefix.clone() });
        }
        if self.mounts.len() >= MOUNTS_MAX {
            return Err(MountError::TooMany { count: self.mounts.len() + 1 });
        }
        let place = self.mounts.partition_point(|other| other.prefix < mount.prefix);
        self.mounts.insert(place, mount);
        Ok(self)
    }

    /// Returns the table without a namespace.
    #[must_use]
    pub fn without(mut self, namespace: &Namespace) -> Self {
        self.mounts.retain(|mount| mount.namespace != *namespace);
        self
    }

    /// Iterates the mounts, outer ones before those inside them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// Returns whether `main` is everything.
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty()
    }

    /// Returns where a namespace is mounted.
    pub fn mount_of(&self, namespace: &Namespace) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.namespace == *namespace)
    }

    /// Returns whose file a path of the one path space is: the longest mount at or above it wins.
    pub fn locate(&self, path: &ConfigPath) -> Located {
        let covers = |mount: &&Mount| path.is_at_or_below(mount.prefix.as_str());
        let Some(mount) = self.mounts.iter().filter(covers).max_by_key(|mount| mount.prefix.as_str().len()) else {
            return Located { namespace: Namespace::main(), path: Some(path.clone()) };
        };
        let inner = path.as_str().get(mount.prefix.as_str().len() + 1..);
        let inner = inner.map(|inner| ConfigPath::parse(inner).expect("the end of a path is a path"));
        Located { namespace: mount.namespace.clone(), path: inner }
    }

    /// Returns the mounts at or below a directory of the one path space; the empty prefix is all of it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Mount> {
        self.mounts.iter().filter(move |mount| mount.prefix.is_at_or_below(prefix))
    }

    /// Returns how a file of a namespace is called in the one path space; `None` when the namespace is mounted nowhere.
    pub fn public(&self, namespace: &Namespace, path: &ConfigPath) -> Option<Result<ConfigPath, PathError>> {
        if *namespace == Namespace::main() {
            return Some(Ok(path.clone()));
        }
        let mount = self.mount_of(namespace)?;
        Some(ConfigPath::parse(&format!("{}/{path}", mount.prefix)))
    }
}

impl TryFrom<TableShape> for MountTable {
    type Error = MountError;

    fn try_from(shape: TableShape) -> Result<Self, MountError> {
        if shape.version != VERSION {
            return Err(MountError::Version { version: shape.version });
        }
        shape.mounts.into_iter().try_fold(Self::default(), Self::with)
    }
}

impl From<MountTable> for TableShape {
    fn from(table: MountTable) -> Self {
        Self { version: VERSION, mounts: table.mounts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Revision};

    fn path(path: &str) -> ConfigPath {
        ConfigPath::parse(path).unwrap()
    }

    fn mount(prefix: &str, namespace: &str) -> Mount {
        Mount { prefix: path(prefix), namespace: Namespace::parse(namespace).unwrap(), since: None }
    }

    fn table(mounts: &[(&str, &str)]) -> MountTable {
        let with = |table: MountTable, (prefix, name): &(&str, &str)| table.with(mount(prefix, name)).unwrap();
        mounts.iter().fold(MountTable::default(), with)
    }

    #[test]
    fn the_longest_mount_above_a_path_has_it() {
        let table = table(&[("traffic", "traffic"), ("traffic/eu", "europe"), ("ads/web", "ads")]);
        for (public, namespace, inner) in [
            ("trafficker/x", "main", Some("trafficker/x")),
            ("ads/x", "main", Some("ads/x")),
            ("ads/web/x", "ads", Some("x")),
            ("traffic/x/y", "traffic", Some("x/y")),
            ("traffic/eu/x", "europe", Some("x")),
            ("traffic/eux", "traffic", Some("eux")),
            ("traffic", "traffic", None),
        ] {
            let located = table.locate(&path(public));
            let expected = Located { namespace: Namespace::parse(namespace).unwrap(), path: inner.map(path) };
            assert_eq!(located, expected, "{public}");
            if let Some(inner) = located.path {
                assert_eq!(table.public(&located.namespace, &inner), Some(Ok(path(public))));
            }
        }
        let below = |prefix| table.below(prefix).map(|mount| mount.namespace.as_str()).collect::<Vec<_>>();
        assert_eq!(below(""), ["ads", "traffic", "europe"]);
        assert_eq!(below("traffic/"), ["traffic", "europe"]);
        assert_eq!(below("ads/web/deep"), [""; 0]);
    }

    #[test]
    fn what_cannot_be_mounted_is_refused_with_the_reason() {
        let table = table(&[("traffic", "traffic")]);
        let refused = |prefix, name| table.clone().with(mount(prefix, name)).unwrap_err().to_string();
        assert_eq!(refused("traffic", "other"), "traffic is where traffic is mounted already");
        assert_eq!(refused("elsewhere", "traffic"), "traffic is mounted at traffic already");
        assert_eq!(refused("a", "main"), "main is mounted at the root and cannot be mounted at a");
        assert_eq!(
            refused(".configbus/a", "a"),
            ".configbus/a is in a policy folder, choose a place outside .configbus"
        );
    }

    #[test]
    fn the_file_is_read_as_it_was_written_and_contradictions_are_refused() {
        let since = Position { epoch: Epoch::FIRST, revision: Revision(7) };
        let table = MountTable::default().with(Mount { since: Some(since), ..mount("traffic", "traffic") }).unwrap();
        let text = serde_json::to_string(&table).unwrap();
        let mounts = r#"[{"prefix":"traffic","namespace":"traffic","since":{"epoch":1,"revision":7}}]"#;
        assert_eq!(text, format!(r#"{{"version":1,"mounts":{mounts}}}"#));
        assert_eq!(serde_json::from_str::<MountTable>(&text).unwrap(), table);
        let twice = r#"{"version":1,"mounts":[{"prefix":"a","namespace":"x"},{"prefix":"a","namespace":"y"}]}"#;
        for (wrong, why) in [
            (twice, "a is where x is mounted already"),
            (r#"{"version":2,"mounts":[]}"#, "written in version 2"),
            (r#"{"version":1,"mounts":[{"prefix":"../a","namespace":"x"}]}"#, "reserved"),
        ] {
            let error = serde_json::from_str::<MountTable>(wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let other = table.without(&Namespace::parse("traffic").unwrap());
        assert!(other.is_empty());
    }
}
