//! Compiled schemas, kept from one candidate to the next and shared by all threads.
//!
//! A schema is known by its path and the id of its content. Because it may refer to others, what is found is held against the
//! tree once more: every file it was made of must be the same there.

use super::{Compiled, SchemaSettings, catalog::Catalog, closure::Closure};
use crate::candidate::CandidateError;
use configbus_model::ObjectId;
use lru::LruCache;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Which schema, and how it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    path: String,
    id: ObjectId,
    formats: bool,
}

/// What a schema was made of.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Its files.
    pub files: Arc<BTreeMap<String, ObjectId>>,
    /// How long they are together.
    pub size_bytes: usize,
    /// Which schemas there were, if it asked for some by the names they give themselves.
    pub named_among: Option<ObjectId>,
}

#[derive(Debug, Clone)]
struct Kept {
    origin: Origin,
    compiled: Option<Arc<Compiled>>,
}

/// The cache.
#[derive(Debug)]
pub(crate) struct SchemaCache {
    kept: Mutex<Shelf>,
    compiled_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Shelf {
    schemas: LruCache<Key, Kept>,
    bytes: usize,
}

impl Origin {
    pub(super) fn of(closure: &Closure, catalog: &Catalog<'_>) -> Result<Self, CandidateError> {
        let named_among = closure.is_named.then(|| catalog.fingerprint()).transpose()?;
        Ok(Self { files: Arc::new(closure.files.clone()), size_bytes: closure.size_bytes, named_among })
    }

    /// Returns whether the schema would be made of the same now.
    fn holds(&self, catalog: &Catalog<'_>) -> Result<bool, CandidateError> {
        for (path, id) in self.files.iter() {
            if catalog.files().id(path)? != Some(*id) {
                return Ok(false);
            }
        }
        match self.named_among {
            Some(named_among) => Ok(catalog.fingerprint()? == named_among),
            None => Ok(true),
        }
    }
}

impl SchemaCache {
    pub(crate) fn new(settings: &SchemaSettings) -> Self {
        let shelf = Shelf { schemas: LruCache::unbounded(), bytes: 0 };
        Self { kept: Mutex::new(shelf), compiled_max: settings.compiled_max, bytes_max: settings.compiled_bytes_max }
    }

    /// Returns whether some schema that is kept is made of the file at a path.
    pub(super) fn is_part_of_any(&self, path: &str) -> bool {
        self.lock().schemas.iter().any(|(_, kept)| kept.origin.files.contains_key(path))
    }

    /// Returns what a schema of a tree is made of, if that is known.
    pub(super) fn origin(
        &self,
        path: &str,
        formats: bool,
        catalog: &Catalog<'_>,
    ) -> Result<Option<Origin>, CandidateError> {
        Ok(self.get(path, formats, catalog)?.map(|kept| kept.origin))
    }

    /// Returns a schema of a tree, if it is compiled.
    pub(super) fn compiled(
        &self,
        path: &str,
        formats: bool,
        catalog: &Catalog<'_>,
    ) -> Result<Option<Arc<Compiled>>, CandidateError> {
        Ok(self.get(path, formats, catalog)?.and_then(|kept| kept.compiled))
    }

    /// Keeps a schema, or only what it would be made of.
    pub(super) fn keep(&self, path: &str, formats: bool, origin: Origin, compiled: Option<Arc<Compiled>>) {
        let Some(id) = origin.files.get(path).copied() else { return };
        let mut shelf = self.lock();
        shelf.bytes += origin.size_bytes;
        let key = Key { path: path.to_owned(), id, formats };
        if let Some(replaced) = shelf.schemas.put(key, Kept { origin, compiled }) {
            shelf.bytes -= replaced.origin.size_bytes;
        }
        while shelf.schemas.len() > self.compiled_max || shelf.bytes > self.bytes_max {
            let Some((_, put_out)) = shelf.schemas.pop_lru() else { break };
            shelf.bytes -= put_out.origin.size_bytes;
        }
    }

    fn get(&self, path: &str, formats: bool, catalog: &Catalog<'_>) -> Result<Option<Kept>, CandidateError> {
        let Some(id) = catalog.files().id(path)? else { return Ok(None) };
        let key = Key { path: path.to_owned(), id, formats };
        let kept = self.lock().schemas.get(&key).cloned();
        Ok(match kept {
            Some(kept) if kept.origin.holds(catalog)? => Some(kept),
            _ => None,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
