//! Policies that were read lately, by the id of their folder: most candidates leave the policy alone.

use super::{LoadedPolicy, PolicySettings, ReadFile, load};
use crate::candidate::CandidateError;
use configbus_model::ObjectId;
use std::sync::{Arc, Mutex, PoisonError};

/// Policies kept: what is in force, and a few that are proposed, for each of a handful of namespaces.
const KEPT_MAX: usize = 16;

/// Policies by the id of the folder they were read from, the most lately used last.
#[derive(Debug)]
pub(crate) struct PolicyCache {
    settings: PolicySettings,
    kept: Mutex<Vec<(ObjectId, Arc<LoadedPolicy>)>>,
}

impl PolicyCache {
    /// Makes a cache of policies within these bounds.
    pub(crate) fn new(settings: PolicySettings) -> Self {
        Self { settings, kept: Mutex::default() }
    }

    /// Returns the policy of a folder, reading it if it is not known. Without an id it is read each time.
    pub(crate) fn get(&self, id: Option<ObjectId>, read: ReadFile<'_>) -> Result<Arc<LoadedPolicy>, CandidateError> {
        if let Some(known) = id.and_then(|id| self.take(id)) {
            return Ok(known);
        }
        let loaded = Arc::new(load(read, &self.settings)?);
        if let Some(id) = id {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT_MAX {
                kept.remove(0);
            }
            kept.push((id, Arc::clone(&loaded)));
        }
        Ok(loaded)
    }

    fn take(&self, id: ObjectId) -> Option<Arc<LoadedPolicy>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| *known == id)?;
        let entry = kept.remove(at);
        let found = Arc::clone(&entry.1);
        kept.push(entry);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_folder_is_read_once() {
        let (cache, reads) = (PolicyCache::new(PolicySettings::default()), Cell::new(0));
        let read = |_: &str| {
            reads.set(reads.get() + 1);
            Ok(None)
        };
        let id = |n| Some(ObjectId::from_bytes([n; 20]));
        cache.get(id(1), &read).unwrap();
        let once = reads.get();
        cache.get(id(1), &read).unwrap();
        assert_eq!(reads.get(), once);
        cache.get(None, &read).unwrap();
        assert_eq!(reads.get(), 2 * once);
        (2..=20).for_each(|n| drop(cache.get(id(n), &read).unwrap()));
        cache.get(id(1), &read).unwrap();
        assert_eq!(reads.get(), 22 * once, "it was put out by others");
    }
}
