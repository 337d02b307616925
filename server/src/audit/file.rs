//! The log on disk: appended, synced, rotated by size.

use super::location;
use super::record::AuditRecord;
use super::settings::AuditSettings;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Name of the log in a data folder.
pub(super) const FILE: &str = "audit.jsonl";

/// Appends one record to the log of a data folder, whose server may be appending to it as well.
pub(crate) fn append_once(data: &Path, record: &AuditRecord, now_ms: u64) -> Result<(), (PathBuf, io::Error)> {
    let path = location::of(data).map_err(|source| (data.to_owned(), source))?;
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let appended = open().and_then(|mut file| {
        file.write_all(&record.line(now_ms))?;
        file.sync_data()
    });
    appended.map_err(|source| (path, source))
}

/// An open log. Blocks; used on a thread of its own.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    /// Length up to the end of the last whole line.
    bytes: u64,
    bytes_max: u64,
    files_max: usize,
}

impl AuditFile {
    /// Opens the log or makes it, for its owner alone. A line that a crash tore stays as it is and gets an end.
    pub(super) fn open(path: &Path, settings: &AuditSettings) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        sync_folder(path)?;
        let mut bytes = file.metadata()?.len();
        if bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(bytes - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                tracing::warn!("the last line of the audit log was torn by a crash");
                file.write_all(b"\n")?;
                file.sync_data()?;
                bytes += 1;
            }
        }
        let AuditSettings { bytes_max, files_max, .. } = *settings;
        Ok(Self { path: path.to_owned(), file, bytes, bytes_max, files_max })
    }

    /// Appends whole lines and syncs them. After a failure the log ends where it ended before.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // Somebody beside the server may have appended as well.
        self.bytes = self.file.metadata()?.len();
        if self.bytes > 0 && self.bytes.saturating_add(lines.len() as u64) > self.bytes_max {
            self.rotate()?;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // What is there of the lines was never confirmed to anybody.
            let _ = self.file.set_len(self.bytes);
        } else {
            self.bytes += lines.len() as u64;
        }
        written
    }

    /// Moves the log aside, and every older one a place further; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        let aged = |age: usize| PathBuf::from(format!("{}.{age}", self.path.display()));
        for age in (1..self.files_max).rev() {
            rename_if_there(&aged(age), &aged(age + 1))?;
        }
        rename_if_there(&self.path, &aged(1))?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        sync_folder(&self.path)?;
        (self.file, self.bytes) = (file, 0);
        Ok(())
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn settings(bytes_max: u64, files_max: usize) -> AuditSettings {
        AuditSettings { bytes_max, files_max, ..AuditSettings::default() }
    }

    #[test]
    fn a_torn_line_is_ended_and_what_follows_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        fs::write(&path, "{\"a\":1}\n{\"tor").unwrap();
        AuditFile::open(&path, &settings(1_000, 3)).unwrap().append(b"{\"b\":2}\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{\"tor\n{\"b\":2}\n");
    }

    #[test]
    fn the_log_is_private_and_rotated_by_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut log = AuditFile::open(&path, &settings(10, 2)).unwrap();
        for line in ["first 7\n", "second\n", "third 7\n", "fourth\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("audit.jsonl").as_deref(), Some("fourth\n"));
        assert_eq!(read("audit.jsonl.1").as_deref(), Some("third 7\n"));
        assert_eq!(read("audit.jsonl.2").as_deref(), Some("second\n"));
        assert_eq!(read("audit.jsonl.3"), None);
    }
}
