//! Making durable elsewhere what only the journal has, so that its room can be used again.
//!
//! Off the path of landings: they go on in the other file of the journal meanwhile. Only where both are full a landing waits.

use crate::{
    Store, UpkeepError,
    disk::{durable, refs},
};
use std::{
    io,
    path::Path,
    sync::{MutexGuard, PoisonError, TryLockError},
};

impl Store {
    /// Syncs the files of what has landed since the last time. Returns whether there was anything.
    pub fn checkpoint(&self) -> Result<bool, UpkeepError> {
        let failed = |source| UpkeepError::Io { path: self.dir().to_owned(), source };
        let moving = self.moving();
        let alone = match self.inner.checkpointing.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        self.sync_written(alone, || drop(moving)).map_err(failed)
    }

    /// Does the same for a landing that finds no room. Another that is under way is waited for.
    pub(crate) fn make_room(&self, _moving: &MutexGuard<'_, ()>) -> io::Result<()> {
        // What is half done is done again.
        let alone = self.inner.checkpointing.lock().unwrap_or_else(PoisonError::into_inner);
        self.sync_written(alone, || ()).map(drop)
    }

    /// Returns how many bytes of landings the journal alone makes durable.
    pub fn journal_bytes(&self) -> u64 {
        self.inner.journal.bytes()
    }

    /// `chosen` is called when later landings are none of its concern. Before, none may be between journal and files.
    fn sync_written(&self, _alone: MutexGuard<'_, ()>, chosen: impl FnOnce()) -> io::Result<bool> {
        let Some(resting) = self.inner.journal.rest() else { return Ok(false) };
        chosen();
        let packs = self.objects_dir().join("pack");
        for name in &resting.packs {
            sync_if_there(&packs.join(format!("{name}.pack")))?;
            sync_if_there(&packs.join(format!("{name}.idx")))?;
        }
        durable::sync_dir(&packs)?;
        let landings = self.landings().file().try_clone();
        landings?.sync_all()?;
        let main = self.dir().join(refs::MAIN);
        sync_if_there(&main)?;
        durable::sync_dir(durable::parent(&main))?;
        self.inner.journal.release(&resting).map(|()| true)
    }
}

/// A pack that was joined to another is gone, and the other is durable.
fn sync_if_there(path: &Path) -> io::Result<()> {
    match durable::sync_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
