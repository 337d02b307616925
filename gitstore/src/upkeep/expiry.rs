//! Expiry: what nothing leads to goes after some weeks.
//!
//! Refused pushes that Git had taken over, branches that were deleted, foreign writes that somebody removed. Once in a while,
//! when it is quiet, what is reachable in old packs is packed anew, and the old packs go. Young packs are left alone: what they
//! hold may be on its way to a ref, and a push never relies on what no ref leads to.

use super::{PackFile, Retired};
use crate::{
    Store, UpkeepError,
    disk::durable,
    git::{self, GitOutput},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How long an object stays that nothing leads to, counted from when it was last packed.
const KEPT_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How often it is looked for them. Finding out what is reachable takes as long as a clone.
const INTERVAL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const DEADLINE: Duration = Duration::from_secs(3_600);

/// Tips of refused pushes, which are withheld from fetches for as long as their objects are there.
const REFUSED: &str = "refs/configbus/refused";

/// Its age says when expiry ran last.
const MARKER: &str = "configbus/expired";

impl Store {
    /// Removes what expired, if it is time for it. Returns whether it looked.
    pub(super) fn expire(&self, dir: &Path, packs: &[PackFile], retired: &mut Retired) -> Result<bool, UpkeepError> {
        let marker = self.dir().join(MARKER);
        let failed = |source| UpkeepError::Io { path: marker.clone(), source };
        if !is_due(&marker).map_err(failed)? {
            return Ok(false);
        }
        let (old, young): (Vec<_>, Vec<_>) = packs.iter().partition(|pack| is_older(pack.packed, KEPT_FOR));
        if !old.is_empty() {
            let refused = expired_refs(&self.dir().join(REFUSED)).map_err(failed)?;
            let made = self.pack_reachable(dir, &young, &refused)?;
            durable::sync_dir(dir).map_err(failed)?;
            let gone = old.iter().map(|pack| pack.name.clone()).filter(|name| !made.contains(name));
            self.retire(dir, gone.collect(), retired).map_err(failed)?;
            // Last: without its ref a refused tip could be fetched.
            refused.iter().try_for_each(|path| super::remove(path)).map_err(failed)?;
        }
        let expire = format!("--expire={}.seconds.ago", KEPT_FOR.as_secs());
        git::command(self.dir(), ["prune", &expire]).run(DEADLINE)?;
        durable::replace(&marker, b"").map_err(failed)?;
        Ok(true)
    }

    /// Packs what is reachable and not in the young packs. Returns what it made: nothing if nothing is.
    fn pack_reachable(&self, dir: &Path, young: &[&PackFile], refused: &[PathBuf]) -> Result<Vec<String>, UpkeepError> {
        let listed = git::command(self.dir(), ["for-each-ref", "--format=%(objectname) %(refname)"]).run(DEADLINE)?;
        let is_expired =
            |name: &str| refused.iter().any(|path| path.strip_prefix(self.dir()).is_ok_and(|at| at == Path::new(name)));
        let tips =
            lines(&listed).filter_map(|line| line.split_once(' ').map(|(id, name)| (id.to_owned(), name.to_owned())));
        let tips: String = tips.filter(|(_, name)| !is_expired(name)).map(|(id, _)| id + "\n").collect();
        let kept: Vec<_> = young.iter().map(|pack| format!("--keep-pack={}.pack", pack.name)).collect();
        let base = dir.join("pack").to_string_lossy().into_owned();
        let args = ["pack-objects", "--revs", "--delta-base-offset", "--non-empty", "--quiet"];
        let args = args.into_iter().chain(kept.iter().map(String::as_str)).chain([base.as_str()]);
        let command = git::command(self.dir(), args).config("pack.threads", "1");
        let output = command.run_with_input(tips.as_bytes(), DEADLINE)?;
        Ok(lines(&output).map(|id| format!("pack-{id}")).collect())
    }
}

fn lines(output: &GitOutput) -> impl Iterator<Item = String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// A repository that never was looked through gets its first turn an interval from now.
fn is_due(marker: &Path) -> io::Result<bool> {
    match fs::metadata(marker) {
        Ok(metadata) => Ok(is_older(metadata.modified()?, INTERVAL)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => durable::replace(marker, b"").map(|()| false),
        Err(error) => Err(error),
    }
}

fn is_older(than: SystemTime, age: Duration) -> bool {
    than.elapsed().is_ok_and(|elapsed| elapsed >= age)
}

/// Refs of tips that were refused long ago. Only loose ones: nobody packs refs here.
fn expired_refs(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut expired = Vec::new();
    for entry in entries {
        let entry = entry?;
        if is_older(entry.metadata()?.modified()?, KEPT_FOR) {
            expired.push(entry.path());
        }
    }
    Ok(expired)
}
