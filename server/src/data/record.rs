//! `DATA/server.json`: which format the folder has and which epoch its history is in.

use configbus_model::Epoch;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Format this release writes. A folder of a later one is refused rather than guessed at.
pub(super) const FORMAT: u32 = 1;

const FILE: &str = "server.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: u32,
    pub(super) epoch: Epoch,
    /// Tells the folder from every other one.
    pub(super) id: String,
}

impl Record {
    fn new() -> Self {
        Self { format: FORMAT, epoch: Epoch::FIRST, id: format!("{:08x}", fastrand::u32(..)) }
    }

    /// Reads the record, or writes the first one. A folder has it before it has anything else, so that a later
    /// release always knows what it finds.
    pub(super) fn read_or_create(data: &Path) -> io::Result<Self> {
        let file = data.join(FILE);
        match fs::read(&file) {
            Ok(content) => serde_json::from_slice(&content)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", file.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let record = Self::new();
                record.write(data).map(|()| record)
            }
            Err(error) => Err(error),
        }
    }

    fn write(&self, data: &Path) -> io::Result<()> {
        let temporary = data.join(format!("{FILE}.tmp"));
        let mut file = File::create(&temporary)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, data.join(FILE))?;
        File::open(data)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_is_found_again() {
        let data = tempfile::tempdir().unwrap();
        let first = Record::read_or_create(data.path()).unwrap();
        assert_eq!((first.format, first.epoch), (FORMAT, Epoch::FIRST));
        let restored = Record { epoch: Epoch(3), ..first };
        restored.write(data.path()).unwrap();
        assert_eq!(Record::read_or_create(data.path()).unwrap(), restored);
    }

    #[test]
    fn a_damaged_record_is_named_and_not_replaced() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "{").unwrap();
        let error = Record::read_or_create(data.path()).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
        assert_eq!(fs::read(data.path().join(FILE)).unwrap(), b"{");
    }
}
