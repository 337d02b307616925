//! Something made from files, and made again when they change.
//!
//! Polling costs a few `stat` calls and works on every mount; inotify misses the symlinks of Kubernetes' secrets and
//! network file systems.

use crate::{TlsError, fingerprint::Fingerprint};
use arc_swap::ArcSwap;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// What a look at the files led to.
#[derive(Debug)]
pub enum Reloaded {
    /// They are those in use.
    Unchanged,
    /// New ones are in use.
    Changed,
    /// They cannot be used; what was in use before stays so.
    Refused(TlsError),
    /// The same as the last time they were refused.
    StillRefused,
}

type Load<T> = dyn Fn() -> Result<T, TlsError> + Send + Sync;

pub(crate) struct Reloading<T> {
    files: Vec<PathBuf>,
    load: Box<Load<T>>,
    current: ArcSwap<T>,
    seen: Mutex<Seen>,
    /// Counts what was in use.
    generation: watch::Sender<u64>,
}

struct Seen {
    used: Fingerprint,
    /// What was refused, and in which words.
    refused: Option<String>,
}

impl<T> Reloading<T> {
    /// Loads for the first time.
    pub(crate) fn open(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // Taken before the files are read: what changes in between is found at the next look.
        let used = Fingerprint::of(&files);
        let current = ArcSwap::from_pointee(load()?);
        let seen = Mutex::new(Seen { used, refused: None });
        Ok(Self { files, load: Box::new(load), current, seen, generation: watch::Sender::new(0) })
    }

    /// Returns what is in use.
    pub(crate) fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Returns the number of what is in use; it may be taken for older than it is, never for newer.
    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Looks at the files. Whatever is wrong with them, what is in use stays usable: of a pair that is replaced one
    /// file after the other, the first look may see only one.
    pub(crate) fn reload(&self) -> Reloaded {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Fingerprint::of(&self.files);
        if found == seen.used {
            seen.refused = None;
            return Reloaded::Unchanged;
        }
        match (self.load)() {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                *seen = Seen { used: found, refused: None };
                self.generation.send_modify(|generation| *generation += 1);
                Reloaded::Changed
            }
            Err(error) => {
                let text = error.to_string();
                if seen.refused.as_ref() == Some(&text) {
                    return Reloaded::StillRefused;
                }
                seen.refused = Some(text);
                Reloaded::Refused(error)
            }
        }
    }
}
