//! Keeping the number of packs small.
//!
//! Every landing makes a pack, and a reader that misses an object asks them all. Small packs are joined by stock
//! `git pack-objects`, which also finds the deltas that landing did not look for. Not by `git repack -d`: it deletes the
//! old packs without having synced the name of the new one, and at the moment when readers may be about to open them.
//! Here a joined pack is retired first and deleted by the next upkeep.

use crate::{
    LeftoversError, Store,
    disk::{durable, leftovers, write_kind},
    geometry::packs_to_join,
    git::{self, ChildError},
};
use configbus_model::ErrorKind;
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::TryLockError,
    time::Duration,
};

/// Fewer packs than this are not worth a child process.
const PACKS_MAX: usize = 50;
/// Longest time that joining may take; what is left then is joined next time.
const DEADLINE: Duration = Duration::from_secs(600);

/// Age at which temporary objects belong to nobody any more; no push takes a day.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What upkeep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// There are few packs.
    NotNeeded {
        /// How many.
        packs: usize,
    },
    /// Another one is running.
    Busy,
    /// Small packs were joined.
    Joined {
        /// Packs before.
        before: usize,
        /// Packs after.
        after: usize,
    },
}

/// Why upkeep failed. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// Git failed.
    #[error("failed to join packs")]
    Child(#[from] ChildError),
    /// What a killed child left cannot be removed.
    #[error(transparent)]
    Leftovers(#[from] LeftoversError),
    /// The disk fails.
    #[error("failed to work on {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl UpkeepError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Child(error) => error.kind(),
            Self::Leftovers(error) => error.kind(),
            Self::Io { source, .. } => write_kind(source),
        }
    }
}

/// Names of packs whose objects are in a larger one. Forgotten at a restart, they are joined once more.
pub(crate) type Retired = BTreeSet<String>;

struct PackFile {
    name: String,
    objects: u64,
}

impl Store {
    /// Joins small packs when there are many. Cheap when there is nothing to do.
    pub fn upkeep(&self) -> Result<Upkeep, UpkeepError> {
        let mut retired = match self.inner.upkeep.try_lock() {
            Ok(retired) => retired,
            Err(TryLockError::WouldBlock) => return Ok(Upkeep::Busy),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let dir = self.objects_dir().join("pack");
        let failed = |source| UpkeepError::Io { path: dir.clone(), source };
        self.delete(&dir, &mut retired).map_err(failed)?;
        leftovers::clear_abandoned(&self.objects_dir(), ABANDONED_AFTER)?;
        let packs = list(&dir).map_err(failed)?;
        if packs.len() <= PACKS_MAX {
            return Ok(Upkeep::NotNeeded { packs: packs.len() });
        }
        let counts: Vec<u64> = packs.iter().map(|pack| pack.objects).collect();
        let joined = &packs[..packs_to_join(&counts)];
        if joined.is_empty() {
            return Ok(Upkeep::NotNeeded { packs: packs.len() });
        }
        let made = self.join(&dir, joined)?;
        durable::sync_dir(&dir).map_err(failed)?;
        retired.extend(joined.iter().map(|pack| pack.name.clone()).filter(|name| *name != made));
        Ok(Upkeep::Joined { before: packs.len(), after: packs.len() - joined.len() + 1 })
    }

    /// Packs the objects of some packs into one and returns its name.
    fn join(&self, dir: &Path, packs: &[PackFile]) -> Result<String, UpkeepError> {
        let input: String = packs.iter().map(|pack| format!("{}.pack\n", pack.name)).collect();
        let base = dir.join("pack");
        let args = ["pack-objects", "--stdin-packs", "--delta-base-offset", "--quiet"];
        let args = args.iter().map(OsStr::new).chain([base.as_os_str()]);
        let command = git::command(self.dir(), args).config("pack.threads", "1");
        let output = command.run_with_input(input.as_bytes(), DEADLINE)?;
        Ok(format!("pack-{}", String::from_utf8_lossy(&output.stdout).trim()))
    }

    /// Deletes retired packs: the index first, so that nobody new finds the pack.
    fn delete(&self, dir: &Path, retired: &mut Retired) -> io::Result<()> {
        if retired.is_empty() {
            return Ok(());
        }
        for extension in ["idx", "rev", "bitmap", "pack"] {
            for name in retired.iter() {
                match fs::remove_file(dir.join(format!("{name}.{extension}"))) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        retired.clear();
        self.inner.handles.reopen();
        Ok(())
    }
}

/// Returns the packs that may be joined, fewest objects first.
fn list(dir: &Path) -> io::Result<Vec<PackFile>> {
    let mut packs = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_index = path.extension() == Some("idx".as_ref()) && name.starts_with("pack-");
        if is_index && !path.with_extension("keep").exists() {
            packs.push(PackFile { name, objects: crate::disk::pack::count_of(&path)? });
        }
    }
    packs.sort_by_key(|pack| pack.objects);
    Ok(packs)
}

#[cfg(test)]
mod tests;
