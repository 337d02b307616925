//! Keeping the number of packs small.
//!
//! Every batch of landings makes a pack, and a reader that misses an object asks them all. Eight small packs of about one
//! size are copied into one (`pack::concatenate`), which takes milliseconds and goes on while changes land. In quiet
//! times stock `git pack-objects` joins what is left and finds the differences that nobody looked for on the way. Not `git
//! repack -d`: under load it took 15 seconds while packs piled up, it deletes the old packs without having synced the
//! name of the new one, and at the moment when readers may be about to open them. Here the index of a pack that was joined
//! goes at once, so that nobody new finds it, and the pack itself some seconds later. What is left is indexed together
//! (`pack_index`), and once a week what nothing leads to any more goes (`expiry`).

mod expiry;
mod pack_index;

pub(crate) use pack_index::has_bitmaps;

use crate::{
    LeftoversError, Store,
    disk::{durable, leftovers, pack, write_kind},
    geometry::packs_to_join,
    git::{self, ChildError},
};
use configbus_model::ErrorKind;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::TryLockError,
    time::{Duration, Instant, SystemTime},
};

/// As many packs as may be there at any time, in round figures: more are joined even while changes land.
const PACKS_MAX: usize = 50;

/// As many as may stay when it is quiet.
const QUIET_PACKS_MAX: usize = 8;

/// It is quiet when nothing was packed for so long.
const QUIET_AFTER: Duration = Duration::from_secs(60);

/// So many packs of about one size are copied into one.
const LEVEL_PACKS_MAX: usize = 8;

/// How many times larger packs of one level are than those of the level below.
const LEVEL_FACTOR: u64 = 8;

/// Packs of the lowest level are shorter than this.
const LEVEL_BYTES: u64 = 4 << 10;

/// Larger packs are not copied again, and what is made of small ones hardly gets larger than this.
const COPIED_BYTES_MAX: u64 = 32 << 20;

/// A new index of all packs is written when what came since is at least this share of what the last one holds.
const INDEXED_SHARE: u64 = 16;

/// How long a pack that was joined may still be opened by who has read its index.
const RETIRED_FOR: Duration = Duration::from_secs(5);

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
    #[error("failed to join packs or index history")]
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

/// Packs without an index whose objects are in a larger one, and since when. Forgotten at a restart, which removes them.
pub(crate) type Retired = BTreeMap<String, Instant>;

struct PackFile {
    name: String,
    size_bytes: u64,
    packed: SystemTime,
    /// The index of all packs names it.
    is_indexed: bool,
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
        let mut packs = list(&dir).map_err(failed)?;
        let before = packs.len();
        while let Some(level) = full_level(&packs) {
            let names: Vec<_> = level.iter().map(|at| packs[*at].name.clone()).collect();
            pack::concatenate(&self.objects_dir(), &names).map_err(failed)?;
            self.retire(&dir, names, &mut retired).map_err(failed)?;
            packs = list(&dir).map_err(failed)?;
        }
        let is_quiet = is_quiet(&packs);
        if let Some(names) = worth_a_child(&dir, &packs, is_quiet).map_err(failed)? {
            let made = self.join(&dir, &names)?;
            durable::sync_dir(&dir).map_err(failed)?;
            self.retire(&dir, names.into_iter().filter(|name| *name != made).collect(), &mut retired)
                .map_err(failed)?;
            packs = list(&dir).map_err(failed)?;
        }
        if is_quiet {
            if self.expire(&dir, &packs, &mut retired)? {
                packs = list(&dir).map_err(failed)?;
            }
            if packs.iter().any(|pack| !pack.is_indexed) && is_worth_an_index(&dir, &packs) {
                self.index_packs(&dir)?;
            }
        }
        let after = packs.len();
        if after < before { Ok(Upkeep::Joined { before, after }) } else { Ok(Upkeep::NotNeeded { packs: after }) }
    }

    /// Packs the objects of some packs into one and returns its name.
    fn join(&self, dir: &Path, names: &[String]) -> Result<String, UpkeepError> {
        let input: String = names.iter().map(|name| format!("{name}.pack\n")).collect();
        let base = dir.join("pack");
        let args = ["pack-objects", "--stdin-packs", "--delta-base-offset", "--quiet"];
        let args = args.iter().map(OsStr::new).chain([base.as_os_str()]);
        let command = git::command(self.dir(), args).config("pack.threads", "1");
        let output = command.run_with_input(input.as_bytes(), DEADLINE)?;
        Ok(format!("pack-{}", String::from_utf8_lossy(&output.stdout).trim()))
    }

    /// Takes the index of packs away whose objects are in another one, so that nobody new finds them.
    fn retire(&self, dir: &Path, names: Vec<String>, retired: &mut Retired) -> io::Result<()> {
        let indexed = pack_index::packs(dir)?;
        if names.iter().any(|name| indexed.contains(name)) {
            pack_index::remove(dir)?;
        }
        for extension in ["idx", "rev", "bitmap"] {
            names.iter().try_for_each(|name| remove(&dir.join(format!("{name}.{extension}"))))?;
        }
        let now = Instant::now();
        retired.extend(names.into_iter().map(|name| (name, now)));
        self.inner.handles.reopen();
        Ok(())
    }

    /// Deletes packs that were retired some time ago.
    fn delete(&self, dir: &Path, retired: &mut Retired) -> io::Result<()> {
        let is_due = |since: &Instant| since.elapsed() >= RETIRED_FOR;
        let due: Vec<_> = retired.iter().filter(|(_, since)| is_due(since)).map(|(name, _)| name.clone()).collect();
        if due.is_empty() {
            return Ok(());
        }
        // A landing that failed and is repeated may be about to pack the same objects under the same name again.
        let _nobody_lands = self.moving();
        for name in due {
            if !dir.join(format!("{name}.idx")).exists() {
                remove(&dir.join(format!("{name}.pack")))?;
            }
            retired.remove(&name);
        }
        Ok(())
    }
}

/// It is quiet when nothing was packed for some time.
fn is_quiet(packs: &[PackFile]) -> bool {
    let newest = packs.iter().map(|pack| pack.packed).max();
    newest.is_some_and(|newest| newest.elapsed().is_ok_and(|age| age >= QUIET_AFTER))
}

/// Returns the packs that stock Git is to join, if there are any.
fn worth_a_child(dir: &Path, packs: &[PackFile], is_quiet: bool) -> io::Result<Option<Vec<String>>> {
    if packs.len() <= if is_quiet { QUIET_PACKS_MAX } else { PACKS_MAX } {
        return Ok(None);
    }
    let mut counted = Vec::with_capacity(packs.len());
    for found in packs {
        counted.push((pack::count_of(&dir.join(format!("{}.idx", found.name)))?, found.name.clone()));
    }
    counted.sort();
    let counts: Vec<u64> = counted.iter().map(|(objects, _)| *objects).collect();
    let joined = packs_to_join(&counts);
    Ok((joined > 0).then(|| counted.into_iter().take(joined).map(|(_, name)| name).collect()))
}

/// What an index would help with: long histories, and only when many bytes came since the last one.
fn is_worth_an_index(dir: &Path, packs: &[PackFile]) -> bool {
    let bytes =
        |indexed: bool| packs.iter().filter(|pack| pack.is_indexed == indexed).map(|pack| pack.size_bytes).sum::<u64>();
    pack_index::written(dir).is_none() || bytes(false) >= bytes(true) / INDEXED_SHARE
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns which packs to copy into one: those of the lowest level that has many, as far as they stay small together.
fn full_level(packs: &[PackFile]) -> Option<Vec<usize>> {
    let mut levels: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let is_free = |found: &PackFile| found.size_bytes < COPIED_BYTES_MAX && !found.is_indexed;
    for (at, found) in packs.iter().enumerate().filter(|(_, found)| is_free(found)) {
        let level = (found.size_bytes / LEVEL_BYTES).checked_ilog(LEVEL_FACTOR).map_or(0, |level| level + 1);
        levels.entry(level).or_default().push(at);
    }
    let mut full = levels.into_values().find(|level| level.len() >= LEVEL_PACKS_MAX)?;
    let mut total = 0;
    full.retain(|at| {
        let fits = total < COPIED_BYTES_MAX;
        total += if fits { packs[*at].size_bytes } else { 0 };
        fits
    });
    Some(full)
}

/// Returns the packs that may be joined, oldest first: a difference finds its base nearer that way.
fn list(dir: &Path) -> io::Result<Vec<PackFile>> {
    let (mut packs, indexed) = (Vec::new(), pack_index::packs(dir)?);
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_index = path.extension() == Some("idx".as_ref()) && name.starts_with("pack-");
        if is_index && !path.with_extension("keep").exists() {
            let pack = fs::metadata(path.with_extension("pack"))?;
            let is_indexed = indexed.contains(&name);
            packs.push(PackFile { name, size_bytes: pack.len(), packed: pack.modified()?, is_indexed });
        }
    }
    packs.sort_by_key(|found| found.packed);
    Ok(packs)
}

#[cfg(test)]
mod tests;
