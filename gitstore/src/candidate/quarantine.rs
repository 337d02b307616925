//! Where `receive-pack` keeps the objects of a push until pre-receive has accepted it.

use crate::{ReadError, disk::pack};
use configbus_model::ObjectId;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The values of `GIT_OBJECT_DIRECTORY` and `GIT_ALTERNATE_OBJECT_DIRECTORIES` in a pre-receive hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Folder with the new objects; must be a quarantine of this repository, or of a temporary object folder in it.
    pub object_dir: PathBuf,
    /// Folders with the objects that were there; only this repository's own, and that temporary folder, are allowed.
    pub alternates: Vec<PathBuf>,
}

impl Quarantine {
    /// Refuses folders of other repositories: objects are never shared between namespaces.
    pub(crate) fn check(&self, objects_dir: &Path) -> Result<(), ReadError> {
        let refuse = |path: &Path| ReadError::Quarantine { path: path.to_owned() };
        let canonical = |path: &Path| path.canonicalize().map_err(|_| refuse(path));
        let own = canonical(objects_dir)?;
        let quarantine = canonical(&self.object_dir)?;
        // That of a push that is to land nothing lies in a folder for its objects alone.
        let around = quarantine.parent().filter(|parent| is_temporary(parent) && parent.parent() == Some(&own));
        let is_own = |path: &Path| path == own || Some(path) == around;
        if !quarantine.parent().is_some_and(is_own) || !is_temporary(&quarantine) {
            return Err(refuse(&self.object_dir));
        }
        match self.alternates.iter().find(|path| !canonical(path).is_ok_and(|path| is_own(&path))) {
            Some(stranger) => Err(refuse(stranger)),
            None => Ok(()),
        }
    }
}

/// Returns whether a folder is named as Git names those of objects that are not accepted. Left behind, it is cleared
/// away at the next start.
fn is_temporary(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("tmp_objdir-") || name.starts_with("incoming-")
}

/// Returns the ids of all objects in an object folder, packed or loose.
pub(crate) fn ids_in(object_dir: &Path) -> Result<Vec<ObjectId>, ReadError> {
    let failed = |source| ReadError::Io { path: object_dir.to_owned(), source };
    let mut ids = Vec::new();
    for path in list(object_dir).map_err(failed)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name == "pack" {
            for index in list(&path).map_err(failed)?.iter().filter(|file| file.extension() == Some("idx".as_ref())) {
                ids.extend(pack::ids_of(index).map_err(|source| ReadError::Io { path: index.clone(), source })?);
            }
        } else if name.len() == 2 {
            let files = list(&path).map_err(failed)?;
            let rest = files.iter().filter_map(|file| file.file_name()?.to_str());
            ids.extend(rest.filter_map(|rest| format!("{name}{rest}").parse::<ObjectId>().ok()));
        }
    }
    Ok(ids)
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}
