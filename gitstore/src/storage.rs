//! What a repository takes on disk, and how old what lies about in it is.

use crate::{Store, UpkeepError, disk::pack, upkeep};
use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

/// Objects that are no pack's are counted in this folder and those like it, and estimated: ids are spread evenly.
const SAMPLED: &str = "17";
const FOLDERS: u64 = 256;

/// Sizes and ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Storage {
    /// Packs that can be found.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Objects in them; what several packs have counts as often.
    pub objects: u64,
    /// About how many objects are in no pack: only Git that somebody runs past the server makes them.
    pub loose_objects: u64,
    /// Bytes of landings that the journal alone makes durable.
    pub journal_bytes: u64,
    /// Pushes that Git is taking in, or left lying about.
    pub quarantines: u64,
    /// Age of the oldest of them.
    pub oldest_quarantine: Option<Duration>,
    /// Since when nothing was packed.
    pub last_packed: Option<Duration>,
    /// Since when all packs are indexed together, as far as they were there.
    pub last_indexed: Option<Duration>,
    /// Whether fetches are served from bitmaps.
    pub has_bitmaps: bool,
    /// Since when the index of changed paths was brought up to date.
    pub last_graph: Option<Duration>,
    /// Since when it was looked for what nothing leads to.
    pub last_expiry: Option<Duration>,
}

impl Store {
    /// Measures the repository. Reads directories and the beginning of a few files.
    pub fn storage(&self) -> Result<Storage, UpkeepError> {
        self.measure().map_err(|source| UpkeepError::Io { path: self.dir().to_owned(), source })
    }

    fn measure(&self) -> io::Result<Storage> {
        let objects = self.objects_dir();
        let dir = objects.join("pack");
        let mut storage = Storage {
            journal_bytes: self.journal_bytes(),
            has_bitmaps: upkeep::has_bitmaps(&dir)?,
            last_indexed: age(&dir.join("multi-pack-index")),
            last_graph: age(&objects.join("info/commit-graphs/commit-graph-chain")),
            last_expiry: age(&self.dir().join("configbus/expired")),
            loose_objects: entries(&objects.join(SAMPLED))?.len() as u64 * FOLDERS,
            ..Storage::default()
        };
        for path in entries(&dir)? {
            if path.extension() != Some("idx".as_ref()) {
                continue;
            }
            // It may have been joined to another meanwhile.
            let (Ok(metadata), Ok(count)) = (fs::metadata(path.with_extension("pack")), pack::count_of(&path)) else {
                continue;
            };
            storage.packs += 1;
            storage.pack_bytes += metadata.len();
            storage.objects += count;
            let packed = metadata.modified().ok().map(since);
            storage.last_packed = storage.last_packed.into_iter().chain(packed).min();
        }
        for path in entries(&objects)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("tmp_objdir-") || name.starts_with("incoming-") {
                storage.quarantines += 1;
                storage.oldest_quarantine = storage.oldest_quarantine.into_iter().chain(age(&path)).max();
            }
        }
        Ok(storage)
    }
}

fn entries(dir: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok().map(since)
}

fn since(then: SystemTime) -> Duration {
    then.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestStore, git};
    use std::fs;

    #[test]
    fn a_repository_is_measured_with_what_lies_about_in_it() {
        let store = TestStore::new();
        let empty = store.store.storage().unwrap();
        assert_eq!((empty.packs, empty.objects, empty.last_packed), (0, 0, None));
        store.land(&[("a", "1")]);
        store.land(&[("a", "2")]);
        let objects = store.store.dir().join("objects");
        fs::create_dir(objects.join("tmp_objdir-incoming-x")).unwrap();
        git(store.store.dir(), &["multi-pack-index", "write", "--bitmap"]);
        assert!(store.store.index_history_of(1).unwrap());
        let storage = store.store.storage().unwrap();
        assert_eq!((storage.packs, storage.objects, storage.quarantines), (2, 6, 1));
        assert!(storage.pack_bytes > 300 && storage.journal_bytes > 0, "{storage:?}");
        assert!(storage.has_bitmaps && storage.oldest_quarantine.is_some() && storage.last_packed.is_some());
        assert!(storage.last_indexed.is_some() && storage.last_graph.is_some() && storage.last_expiry.is_none());
        store.store.checkpoint().unwrap();
        assert_eq!(store.store.storage().unwrap().journal_bytes, 0);
    }
}
