//! The head a mirror held last, on disk.
//!
//! Git knows a commit and how many came before it; epoch, landing time and trace are only in this file. It is written
//! after the ref has moved and before the head is shown, so what a store has shown it still has after a crash. When
//! it is lost the mirror asks the server anew.

use configbus_model::Head;
use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Where a mirror's head is recorded.
#[derive(Debug)]
pub(crate) struct HeadRecord {
    path: PathBuf,
}

impl HeadRecord {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the head; `None` when there is no record or it cannot be understood.
    pub(crate) fn read(&self) -> io::Result<Option<Head>> {
        let content = match std::fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            content => content?,
        };
        let head = serde_json::from_slice(&content);
        if let Err(error) = &head {
            tracing::warn!(path = %self.path.display(), %error, "the record of the mirror's head is damaged");
        }
        Ok(head.ok())
    }

    /// Replaces the head.
    pub(crate) fn write(&self, head: &Head) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(head)?)?;
        file.sync_data()?;
        std::fs::rename(&beside, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::head;

    #[test]
    fn what_was_written_is_read_and_rubbish_is_no_head() {
        let folder = tempfile::tempdir().unwrap();
        let record = HeadRecord::new(folder.path().join("main.head.json"));
        assert_eq!(record.read().unwrap(), None);
        record.write(&head(1)).unwrap();
        record.write(&head(2)).unwrap();
        assert_eq!(record.read().unwrap(), Some(head(2)));
        std::fs::write(record.path(), b"{\"epoch\":").unwrap();
        assert_eq!(record.read().unwrap(), None);
    }
}
