//! Many reads from one revision.

use crate::{Format, ReadError, format::text_of, source::view::View};
use configbus_model::{ConfigPath, MountRecord, Namespace, Revision};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, sync::Arc};

/// One revision of everything. As long as it exists, the agent keeps its files; clones share the pin. It is meant for
/// the duration of some work: what is pinned for hours occupies the disk.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = configbus_client::ConfigBus::in_memory();
/// memory.set("a.json", "[1]")?;
/// memory.set("b/c.txt", "text")?;
/// memory.flip();
/// let snapshot = memory.bus().snapshot()?;
/// memory.set("a.json", "[2]")?;
/// memory.flip();
/// assert_eq!(snapshot.parse::<Vec<u8>>("a.json")?, [1]);
/// assert_eq!(snapshot.text("b/c.txt")?, "text");
/// assert_eq!(snapshot.list("b")?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) view: Arc<View>,
}

impl Snapshot {
    /// Returns the revision of `main`; `r0` in a plain directory, which has no revisions.
    pub fn revision(&self) -> Revision {
        self.view.revision
    }

    /// Returns every namespace with its revision and where it is mounted; empty where nothing has revisions.
    pub fn namespaces(&self) -> &BTreeMap<Namespace, MountRecord> {
        &self.view.mounts
    }

    /// Returns the revision of one namespace.
    pub fn revision_of(&self, namespace: &Namespace) -> Option<Revision> {
        self.view.mounts.get(namespace).map(|mount| mount.revision)
    }

    /// Returns whether the files stay as they are while this exists: not in a plain directory, and not on a file system
    /// without locks.
    pub fn is_pinned(&self) -> bool {
        self.view.pinned
    }

    /// Returns the content of a file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.content(&ConfigPath::parse(path)?)
    }

    /// Returns a file as text.
    pub fn text(&self, path: &str) -> Result<String, ReadError> {
        let path = ConfigPath::parse(path)?;
        let content = self.content(&path)?;
        match text_of(&content) {
            Ok(text) => Ok(text.to_owned()),
            Err(source) => Err(ReadError::Parse { path, revision: self.revision(), source }),
        }
    }

    /// Returns a file parsed by its extension.
    pub fn parse<T: DeserializeOwned>(&self, path: &str) -> Result<T, ReadError> {
        let path = ConfigPath::parse(path)?;
        let format = Format::of(&path).ok_or_else(|| ReadError::UnknownFormat { path: path.clone() })?;
        let content = self.content(&path)?;
        format.parse(&content).map_err(|source| ReadError::Parse { path, revision: self.revision(), source })
    }

    /// Returns the files at or below a prefix, in path order; the empty prefix means everything. Of a prefix where
    /// nothing is the list is empty.
    pub fn list(&self, prefix: &str) -> Result<Vec<ConfigPath>, ReadError> {
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            ConfigPath::parse(prefix)?;
        }
        let mut paths = Vec::new();
        let walked = self.view.files.walk(prefix, &mut paths);
        walked.map_err(|source| ReadError::Io { path: prefix.to_owned(), source })?;
        paths.sort();
        Ok(paths)
    }

    fn content(&self, path: &ConfigPath) -> Result<Vec<u8>, ReadError> {
        match self.view.files.read(path) {
            Ok(Some((_, content))) => Ok(content),
            Ok(None) => Err(ReadError::NotFound { path: path.clone(), revision: self.revision() }),
            Err(source) => Err(ReadError::Io { path: path.to_string(), source }),
        }
    }
}
