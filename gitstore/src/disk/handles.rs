//! Open repositories, one per thread at work.
//!
//! libgit2 keeps packs mapped that were deleted long ago, descriptors and disk space included, until the repository is
//! closed. So a handle is thrown away after a number of uses, and all are when packs were joined.

use crate::{ReadError, disk::libgit2};
use git2::Repository;
use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Opening costs 0.3 ms with few packs: spread over this many uses it is nothing.
const USES_MAX: u32 = 1_000;
/// As many as threads read at once on a large machine; more are closed after use.
const IDLE_MAX: usize = 16;

pub(crate) struct Handles {
    dir: PathBuf,
    idle: Mutex<Vec<Handle>>,
    generation: AtomicU64,
}

struct Handle {
    repository: Repository,
    generation: u64,
    uses: u32,
}

impl Handles {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), idle: Mutex::default(), generation: AtomicU64::new(0) }
    }

    /// Returns an open repository for this thread's use.
    pub(crate) fn lease(self: &Arc<Self>) -> Result<Lease, ReadError> {
        let generation = self.generation.load(Ordering::Acquire);
        let idle = self.idle().pop();
        let handle = match idle {
            Some(handle) if handle.generation == generation => handle,
            _ => Handle { repository: open(&self.dir)?, generation, uses: 0 },
        };
        Ok(Lease { handles: Arc::clone(self), handle: Some(handle) })
    }

    /// Lets go of everything that is open, at the latest when those who use it are done.
    pub(crate) fn reopen(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Handle>> {
        // A list of handles cannot be half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_back(&self, mut handle: Handle) {
        handle.uses += 1;
        let current = handle.generation == self.generation.load(Ordering::Acquire);
        let mut idle = self.idle();
        if current && handle.uses < USES_MAX && idle.len() < IDLE_MAX {
            idle.push(handle);
        }
    }
}

/// Opens a bare repository.
pub(crate) fn open(dir: &Path) -> Result<Repository, ReadError> {
    libgit2::init();
    Repository::open_bare(dir).map_err(|source| ReadError::Open { path: dir.to_owned(), source })
}

/// An open repository that goes back to the others when dropped.
pub(crate) struct Lease {
    handles: Arc<Handles>,
    handle: Option<Handle>,
}

impl Deref for Lease {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        &self.handle.as_ref().expect("a lease has its handle until it is dropped").repository
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.handles.take_back(handle);
        }
    }
}
