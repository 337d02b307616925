//! Keeps the encoded parts of one update, in memory while they are few and in a nameless file beyond that.
//!
//! A full sync of a large repository would otherwise hold hundreds of megabytes for as long as its slowest reader
//! takes.

use super::encode::EncodeError;
use bytes::Bytes;
use std::{fs::File, io, io::Write as _, os::unix::fs::FileExt as _, path::Path};

/// Updates up to this size stay in memory, where all subscribers share the same bytes.
const MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The parts of one update.
#[derive(Debug)]
pub(crate) enum Parts {
    /// Shared by everybody who sends them.
    Memory(Vec<Bytes>),
    /// Read again for each subscriber.
    Spooled { file: File, ends: Vec<u64> },
}

impl Parts {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Memory(parts) => parts.len(),
            Self::Spooled { ends, .. } => ends.len(),
        }
    }

    /// Returns the bytes of memory they take.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Self::Memory(parts) => parts.iter().map(Bytes::len).sum(),
            Self::Spooled { ends, .. } => ends.len() * size_of::<u64>(),
        }
    }

    /// Returns the bytes that travel.
    pub(crate) fn encoded_bytes(&self) -> u64 {
        match self {
            Self::Memory(_) => self.memory_bytes() as u64,
            Self::Spooled { ends, .. } => ends.last().copied().unwrap_or(0),
        }
    }

    /// Returns a part if reading it does not block.
    pub(crate) fn in_memory(&self, index: usize) -> Option<Bytes> {
        match self {
            Self::Memory(parts) => Some(parts[index].clone()),
            Self::Spooled { .. } => None,
        }
    }

    /// Reads a part; blocks when it is spooled.
    pub(crate) fn read(&self, index: usize) -> io::Result<Bytes> {
        match self {
            Self::Memory(parts) => Ok(parts[index].clone()),
            Self::Spooled { file, ends } => {
                let start = if index == 0 { 0 } else { ends[index - 1] };
                let mut content = vec![0; usize::try_from(ends[index] - start).expect("a part fits a message")];
                file.read_exact_at(&mut content, start)?;
                Ok(content.into())
            }
        }
    }
}

/// Collects parts and moves them to disk when they grow.
pub(crate) struct PartsWriter<'a> {
    folder: &'a Path,
    parts: Parts,
    memory_bytes_max: usize,
}

impl<'a> PartsWriter<'a> {
    /// Spools into `folder`, if it comes to that.
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self { folder, parts: Parts::Memory(Vec::new()), memory_bytes_max: MEMORY_BYTES_MAX }
    }

    pub(crate) fn push(&mut self, part: Bytes) -> Result<(), EncodeError> {
        self.try_push(part).map_err(EncodeError::Spool)
    }

    pub(crate) fn finish(self) -> Parts {
        self.parts
    }

    fn try_push(&mut self, part: Bytes) -> io::Result<()> {
        if let Parts::Memory(parts) = &mut self.parts {
            let held: usize = parts.iter().map(Bytes::len).sum();
            if held + part.len() <= self.memory_bytes_max {
                parts.push(part);
                return Ok(());
            }
            let parts = std::mem::take(parts);
            self.parts = Parts::Spooled { file: tempfile::tempfile_in(self.folder)?, ends: Vec::new() };
            parts.into_iter().try_for_each(|part| self.spool(&part))?;
        }
        self.spool(&part)
    }

    fn spool(&mut self, part: &[u8]) -> io::Result<()> {
        let Parts::Spooled { file, ends } = &mut self.parts else { unreachable!("spooling has begun") };
        file.write_all(part)?;
        ends.push(ends.last().copied().unwrap_or(0) + part.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_the_same_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        for memory_bytes_max in [1_000, 5] {
            let mut writer = PartsWriter { memory_bytes_max, ..PartsWriter::new(folder.path()) };
            for part in ["one", "", "three", "four"] {
                writer.push(Bytes::from_static(part.as_bytes())).unwrap();
            }
            let parts = writer.finish();
            let read: Vec<_> = (0..parts.count()).map(|index| parts.read(index).unwrap()).collect();
            assert_eq!(read, ["one", "", "three", "four"], "{memory_bytes_max}");
            assert_eq!(parts.encoded_bytes(), 12);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "a spooled update has no name");
    }
}
