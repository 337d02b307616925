//! What a killed process leaves in a repository.
//!
//! Each of these makes trouble later: a lock of the ref refuses every push ("Another git process seems to be running"),
//! half-written packs and quarantines take disk space for ever.

use crate::disk::write_kind;
use configbus_model::ErrorKind;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Files of the repository's root that end in `.lock` when somebody works on them, and are gone otherwise.
const LOCKS: [&str; 6] =
    ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "gc.pid", "objects/maintenance.lock"];

/// Why leftovers could not be cleared.
#[derive(Debug, thiserror::Error)]
#[error("failed to clear {path}")]
pub struct LeftoversError {
    path: PathBuf,
    source: io::Error,
}

impl LeftoversError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        write_kind(&self.source)
    }
}

/// Removes leftovers and returns what it removed. Nobody may work on the repository meanwhile.
pub(crate) fn clear(repository: &Path) -> Result<Vec<PathBuf>, LeftoversError> {
    let mut found: Vec<PathBuf> = LOCKS.iter().map(|name| repository.join(name)).filter(|path| path.exists()).collect();
    locks_below(&repository.join("refs"), &mut found)?;
    let objects = repository.join("objects");
    for path in list(&objects)? {
        match name(&path) {
            "pack" => found.extend(list(&path)?.into_iter().filter(|file| is_pack_leftover(file))),
            "info" => {
                locks_below(&path, &mut found)?;
                let graphs = [list(&path)?, list(&path.join("commit-graphs"))?].concat();
                found.extend(graphs.into_iter().filter(|file| name(file).starts_with("tmp_")));
            }
            quarantine if quarantine.starts_with("tmp_objdir-") || quarantine.starts_with("incoming-") => {
                found.push(path);
            }
            fan_out if fan_out.len() == 2 => {
                found.extend(list(&path)?.into_iter().filter(|file| name(file).starts_with("tmp_obj_")));
            }
            _ => {}
        }
    }
    found.iter().try_for_each(|path| remove(path))?;
    Ok(found)
}

/// Removes quarantines and half-written packs that have been lying there for longer than any push takes: what a child
/// that had to be killed left behind while the server went on.
pub(crate) fn clear_abandoned(objects: &Path, age_min: Duration) -> Result<(), LeftoversError> {
    let is_temporary = |path: &PathBuf| name(path).starts_with("tmp_") || name(path).starts_with("incoming-");
    let graphs = list(&objects.join("info/commit-graphs"))?;
    let found = list(objects)?.into_iter().chain(list(&objects.join("pack"))?).chain(graphs).filter(is_temporary);
    let is_old = |path: &PathBuf| {
        let modified = path.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= age_min))
    };
    found.filter(is_old).try_for_each(|path| remove(&path))
}

fn is_pack_leftover(path: &Path) -> bool {
    let name = name(path);
    let temporary = ["tmp_", ".tmp-", "pack_git2_"].iter().any(|prefix| name.starts_with(prefix));
    // receive-pack protects a pack until its refs are updated; a pack that came without its index never was a pack.
    let half = name.ends_with(".pack") && !path.with_extension("idx").exists();
    temporary || half || name.ends_with(".lock") || name.ends_with(".keep")
}

fn locks_below(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), LeftoversError> {
    for path in list(dir)? {
        if path.is_dir() {
            locks_below(&path, found)?;
        } else if name(&path).ends_with(".lock") {
            found.push(path);
        }
    }
    Ok(())
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, LeftoversError> {
    let paths = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match paths() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(|source| LeftoversError { path: dir.to_owned(), source }),
    }
}

fn remove(path: &Path) -> Result<(), LeftoversError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LeftoversError { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
