//! Requests that found everything there already, on disk.
//!
//! Nothing in the repository tells of them, and forgetting one is not harmless: asked again after somebody else changed the
//! file, it would change it back. One line of JSON each, synced before the answer.

use super::memory::{Known, REMEMBERED_MAX};
use super::request_id::Key;
use configbus_model::Revision;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Lines after which those that are still remembered are written anew.
const LINES_MAX: usize = REMEMBERED_MAX;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    key: String,
    fingerprint: String,
    revision: u64,
    decided_ms: u64,
}

impl Line {
    fn read(&self) -> Option<(Key, Known)> {
        let mut key = Key::default();
        hex::decode_to_slice(&self.key, &mut key).ok()?;
        let (revision, fingerprint) = (Revision(self.revision), self.fingerprint.parse().ok()?);
        Some((key, Known { fingerprint, revision, committed: false, decided_ms: self.decided_ms }))
    }

    fn text(key: &Key, known: &Known) -> String {
        let (key, fingerprint) = (hex::encode(key), known.fingerprint.to_string());
        let line = Self { key, fingerprint, revision: known.revision.0, decided_ms: known.decided_ms };
        format!("{}\n", serde_json::to_string(&line).expect("a line of text and numbers is JSON"))
    }
}

/// An open log. Blocks.
#[derive(Debug)]
pub(super) struct UnchangedLog {
    path: PathBuf,
    lines: usize,
}

impl UnchangedLog {
    /// Names the log; it is made when there is something to write.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), lines: 0 }
    }

    /// Reads what is still remembered, oldest first.
    pub(super) fn read(&mut self, now_ms: u64) -> io::Result<Vec<(Key, Known)>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.lines = text.lines().count();
        // A line that a crash tore was never answered to anybody.
        let read = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()?.read());
        Ok(read.filter(|(_, known)| !known.is_forgotten(now_ms)).collect())
    }

    /// Appends a request and syncs it.
    pub(super) fn append(&mut self, key: &Key, known: &Known, now_ms: u64) -> io::Result<()> {
        if self.lines >= LINES_MAX {
            let kept = self.read(now_ms)?;
            self.rewrite(&kept[kept.len().saturating_sub(LINES_MAX / 2)..])?;
        }
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        // A torn line gets an end of its own.
        file.write_all(format!("\n{}", Line::text(key, known)).as_bytes())?;
        file.sync_data()?;
        self.lines += 2;
        if is_new { self.sync_folder() } else { Ok(()) }
    }

    fn rewrite(&mut self, kept: &[(Key, Known)]) -> io::Result<()> {
        let text: String = kept.iter().map(|(key, known)| Line::text(key, known)).collect();
        let beside = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&beside, &self.path)?;
        self.lines = kept.len();
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fingerprint;
    use super::*;

    fn known(revision: u64) -> Known {
        let fingerprint = Fingerprint::of_fields(["x"]);
        Known { fingerprint, revision: Revision(revision), committed: false, decided_ms: 1_000 }
    }

    #[test]
    fn what_is_appended_is_read_back_even_after_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.jsonl");
        let mut log = UnchangedLog::new(&path);
        assert!(log.read(1_000).unwrap().is_empty());
        log.append(&[1; 16], &known(3), 1_000).unwrap();
        let torn = fs::read_to_string(&path).unwrap() + "{\"key\":\"0";
        fs::write(&path, torn).unwrap();
        log.append(&[2; 16], &known(4), 1_000).unwrap();
        let read = UnchangedLog::new(&path).read(1_000).unwrap();
        assert_eq!(read, [([1; 16], known(3)), ([2; 16], known(4))]);
        assert!(UnchangedLog::new(&path).read(u64::MAX).unwrap().is_empty());
    }

    #[test]
    fn the_log_is_written_anew_when_it_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = UnchangedLog::new(&folder.path().join("requests.jsonl"));
        log.append(&[1; 16], &known(3), 1_000).unwrap();
        log.lines = LINES_MAX;
        log.append(&[2; 16], &known(4), 1_000).unwrap();
        assert_eq!(log.lines, 3);
        assert_eq!(log.read(1_000).unwrap().len(), 2);
    }
}
