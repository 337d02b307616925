//! The folder a store works in.
//!
//! ```text
//! store.lock                    one store at a time
//! namespaces/<namespace>.git    mirrors
//! namespaces/<namespace>.head.json
//! spool/                        parts of large updates, nameless files: empty to look at
//! ```

use crate::build_error::BuildError;
use configbus_gitstore::FolderLock;
use configbus_model::Namespace;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// A data folder that nobody else works on for as long as this exists.
#[derive(Debug)]
pub(crate) struct DataFolder {
    root: PathBuf,
    _lock: FolderLock,
}

impl DataFolder {
    /// Makes what is missing and takes the lock.
    pub(crate) fn take(root: &Path) -> Result<Self, BuildError> {
        let folder =
            |path: PathBuf| fs::create_dir_all(&path).map_err(|source| BuildError::Data { path: path.clone(), source });
        folder(root.to_owned())?;
        let lock = FolderLock::acquire(&root.join("store.lock"))?;
        let data = Self { root: root.to_owned(), _lock: lock };
        folder(root.join("namespaces"))?;
        folder(data.spool())?;
        Ok(data)
    }

    pub(crate) fn repository(&self, namespace: &Namespace) -> PathBuf {
        self.root.join("namespaces").join(format!("{namespace}.git"))
    }

    /// Returns `main` and what else was mirrored here.
    pub(crate) fn namespaces(&self) -> BTreeSet<Namespace> {
        let names = fs::read_dir(self.root.join("namespaces")).into_iter().flatten().flatten();
        let parse = |entry: fs::DirEntry| Namespace::parse(entry.file_name().to_str()?.strip_suffix(".git")?).ok();
        std::iter::once(Namespace::main()).chain(names.filter_map(parse)).collect()
    }

    /// Removes what a mirror left. The record goes first: without it nothing is relied on.
    pub(crate) fn remove(&self, namespace: &Namespace) -> io::Result<()> {
        let record = fs::remove_file(self.head_record(namespace));
        record.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        fs::remove_dir_all(self.repository(namespace))
    }

    pub(crate) fn head_record(&self, namespace: &Namespace) -> PathBuf {
        self.root.join("namespaces").join(format!("{namespace}.head.json"))
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::ErrorKind;

    #[test]
    fn a_second_store_on_the_same_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let first = DataFolder::take(root.path()).unwrap();
        let second = DataFolder::take(root.path()).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::Unavailable, "{second}");
        drop(first);
        DataFolder::take(root.path()).unwrap();
    }

    #[test]
    fn what_was_mirrored_is_found_again_until_it_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::take(root.path()).unwrap();
        assert_eq!(data.namespaces(), BTreeSet::from([Namespace::main()]));
        let traffic = Namespace::parse("traffic").unwrap();
        fs::create_dir_all(data.repository(&traffic).join("objects")).unwrap();
        fs::write(data.head_record(&Namespace::main()), "{}").unwrap();
        assert_eq!(data.namespaces(), BTreeSet::from([Namespace::main(), traffic.clone()]));
        data.remove(&traffic).unwrap();
        assert_eq!(data.namespaces(), BTreeSet::from([Namespace::main()]));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::take(&file.path().join("data")).unwrap_err();
        assert!(error.to_string().contains("data"), "{error}");
    }
}
