//! One file of the journal: a header that says with which record it begins, and the records.

use super::record::{self, ALIGNMENT, Record};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

const MAGIC: &[u8; 8] = b"CBJOUR1\n";

/// A file that takes no more than this is changed for the other one.
const BYTES_MAX: u64 = 64 << 20;

/// Where the first record begins.
const START: u64 = ALIGNMENT as u64;

#[derive(Debug)]
pub(super) struct Segment {
    file: Arc<File>,
    /// Where the next record goes.
    end: u64,
}

impl Segment {
    /// Opens a file or makes it. Names of new files are not synced.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file: Arc::new(file), end: START })
    }

    /// Reads the records of a file with the number of the first; none when it is free.
    pub(super) fn read(path: &Path) -> io::Result<(u64, Vec<Record>)> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, Vec::new())),
            file => file?.read_to_end(&mut bytes)?,
        };
        let Some(first) = first_of(&bytes) else { return Ok((0, Vec::new())) };
        let (mut records, mut at) = (Vec::new(), ALIGNMENT);
        while let Some((found, length)) =
            bytes.get(at..).and_then(|rest| record::decode(rest, first + records.len() as u64))
        {
            records.push(found);
            at += length;
        }
        Ok((first, records))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end == START
    }

    pub(super) fn takes(&self, length: usize) -> bool {
        self.is_empty() || self.end + length as u64 <= BYTES_MAX
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end - START
    }

    /// Appends a record and syncs it.
    pub(super) fn append(&mut self, bytes: &[u8], sequence: u64) -> io::Result<()> {
        if self.is_empty() {
            self.file.write_all_at(&header(sequence), 0)?;
        }
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Makes the last record, of this length, one that never was.
    pub(super) fn retract(&mut self, length: usize) -> io::Result<()> {
        let start = self.end - length as u64;
        self.file.write_all_at(&[0; ALIGNMENT], start)?;
        self.file.sync_data()?;
        self.end = start;
        Ok(())
    }

    /// Makes it one without records.
    pub(super) fn free(&mut self) -> io::Result<()> {
        self.file.write_all_at(&header(0), 0)?;
        self.file.sync_data()?;
        self.end = START;
        Ok(())
    }
}

/// Number 0 stands for no records.
fn header(first: u64) -> [u8; ALIGNMENT] {
    let mut header = [0; ALIGNMENT];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first.to_le_bytes());
    let sum = record::crc(&header[..16]);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    header
}

fn first_of(bytes: &[u8]) -> Option<u64> {
    let header: &[u8; 20] = bytes.first_chunk()?;
    let sum = u32::from_le_bytes(header[16..].try_into().ok()?);
    let is_ours = header.starts_with(MAGIC) && record::crc(&header[..16]) == sum;
    let first = u64::from_le_bytes(header[8..16].try_into().ok()?);
    (is_ours && first > 0).then_some(first)
}
