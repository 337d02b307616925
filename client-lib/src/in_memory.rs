//! A bus for users' tests.

use crate::{
    ConfigBus,
    following::follower::Follower,
    following::journal::Journal,
    following::owner::Owner,
    source::liveness::Status,
    source::memory_files::{MemoryFile, MemoryFiles},
    source::view::View,
    source::{Newest, Source, SourceError},
};
use configbus_model::{ConfigPath, Freshness, PathError, Revision};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A bus whose files a test sets: [`set`](Self::set) and [`remove`](Self::remove) as many as needed, then
/// [`flip`](Self::flip) makes all of them visible at once, as an agent does. Made by [`ConfigBus::in_memory`].
#[derive(Debug, Clone)]
pub struct InMemory {
    bus: ConfigBus,
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf(Mutex<Content>);

#[derive(Debug)]
struct Content {
    /// What the next flip makes visible.
    next: MemoryFiles,
    /// Counts versions of files.
    versions: u64,
    visible: MemoryFiles,
    revision: Revision,
    freshness: Freshness,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct MemorySource(Arc<Shelf>);

impl Source for MemorySource {
    fn newest(&self, held: Option<&View>) -> Result<Newest, SourceError> {
        let content = self.0.lock();
        let revision = content.revision;
        if held.is_some_and(|held| held.revision == revision) {
            return Ok(Newest::Held);
        }
        let files = Box::new(content.visible.clone());
        Ok(Newest::Flipped(View { files, folder: None, revision, mounts: Default::default(), pinned: true }))
    }

    fn status(&self, view: &View) -> Status {
        Status { freshness: self.0.lock().freshness, ..Status::unknown(view.revision) }
    }

    fn agent(&self) -> Option<&Path> {
        None
    }
}

impl InMemory {
    pub(crate) fn new() -> Self {
        let content = Content {
            next: MemoryFiles::default(),
            versions: 0,
            visible: MemoryFiles::default(),
            revision: Revision::ZERO,
            freshness: Freshness::Fresh,
        };
        let shelf = Arc::new(Shelf(Mutex::new(content)));
        let follower = Follower::start(Box::new(MemorySource(Arc::clone(&shelf))), Journal::default())
            .expect("memory always has a view");
        let owner = Owner::start(follower, None).expect("without a watcher only a descriptor is needed");
        Self { bus: ConfigBus { owner }, shelf }
    }

    /// Returns the bus to hand to the code under test.
    pub fn bus(&self) -> ConfigBus {
        self.bus.clone()
    }

    /// Gives a file content, to be seen after the next flip.
    pub fn set(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), PathError> {
        let path = ConfigPath::parse(path)?;
        let mut shelf = self.shelf.lock();
        shelf.versions += 1;
        let file = MemoryFile { version: shelf.versions, content: content.as_ref().into() };
        shelf.next.0.insert(path, file);
        Ok(())
    }

    /// Removes a file with the next flip.
    pub fn remove(&self, path: &str) -> Result<(), PathError> {
        self.shelf.lock().next.0.remove(&ConfigPath::parse(path)?);
        Ok(())
    }

    /// Makes everything that was set visible as one revision and returns it. When this returns, values are replaced and
    /// callbacks have run, unless it is called by a callback.
    pub fn flip(&self) -> Revision {
        let revision = self.publish();
        self.bus.owner.follower.queue.wait_until_told();
        revision
    }

    /// Flips without waiting for callbacks.
    pub(crate) fn publish(&self) -> Revision {
        let revision = {
            let mut shelf = self.shelf.lock();
            shelf.revision = shelf.revision.next();
            shelf.visible = shelf.next.clone();
            shelf.revision
        };
        self.bus.refresh();
        revision
    }

    /// Sets what [`ConfigBus::status`] says, so that a program's reaction to stale configuration can be tested.
    pub fn set_freshness(&self, freshness: Freshness) {
        self.shelf.lock().freshness = freshness;
    }
}
