//! Files in memory, for users' tests.

use crate::{
    source::file_identity::FileIdentity,
    source::files::{Files, Visit},
};
use configbus_model::ConfigPath;
use std::{collections::BTreeMap, io, sync::Arc};

/// One version of one file.
#[derive(Debug, Clone)]
pub(crate) struct MemoryFile {
    pub(crate) version: u64,
    pub(crate) content: Arc<[u8]>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryFiles(pub(crate) BTreeMap<ConfigPath, MemoryFile>);

impl Files for MemoryFiles {
    fn identity(&self, path: &ConfigPath) -> io::Result<Option<FileIdentity>> {
        Ok(self.0.get(path).map(|file| FileIdentity::Memory(file.version)))
    }

    fn read(&self, path: &ConfigPath) -> io::Result<Option<(FileIdentity, Vec<u8>)>> {
        Ok(self.0.get(path).map(|file| (FileIdentity::Memory(file.version), file.content.to_vec())))
    }

    fn walk(&self, prefix: &str, visitor: &mut dyn Visit) -> io::Result<()> {
        self.0.keys().filter(|path| path.is_at_or_below(prefix)).for_each(|path| visitor.file(path.clone()));
        Ok(())
    }
}
