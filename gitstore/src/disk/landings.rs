//! Which commit is which revision, and when it landed.
//!
//! One record per revision, appended and synced. Git could tell the same by counting first parents, but not in the two
//! seconds a server may take to start on a million commits; and it does not know when a pushed commit landed, only
//! when its author says it was made. A record that is missing or wrong is made again from Git, with the committer's date.
//!
//! The file: eight bytes of magic, then records of 44 bytes: revision, landing time, commit, the number of whoever landed
//! it among the names beside it, CRC-32 of these. A record counts only if it is whole, its revision is its position and
//! its checksum holds, and if so do all before it. Files of the release before have no number and are written anew.

use crate::disk::{durable, landings_table::CommitTable};
use configbus_model::{CommitId, Revision};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"CBLAND2\n";
const RECORD_BYTES: usize = 44;

/// The format before, and the length of its records.
const OLD_MAGIC: &[u8; 8] = b"CBLAND1\n";
const OLD_RECORD_BYTES: usize = 40;

/// One revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landing {
    pub(crate) commit: CommitId,
    pub(crate) landed_ms: u64,
    /// Number of the name of whoever landed it; 0 when nobody knows.
    pub(crate) by: u32,
}

pub(crate) struct Landings {
    path: PathBuf,
    file: File,
    count: u64,
    by_commit: CommitTable,
}

impl Landings {
    /// Opens the file, or makes it. Keeps the records that are good.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            durable::create_dirs(durable::parent(path))?;
            durable::replace(path, MAGIC)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if let Some(old) = bytes.strip_prefix(OLD_MAGIC) {
            bytes = [MAGIC.to_vec(), with_numbers(old)].concat();
            durable::replace(path, &bytes)?;
            file = OpenOptions::new().read(true).write(true).open(path)?;
        }
        let records = bytes.strip_prefix(MAGIC);
        if records.is_none() {
            durable::replace(path, MAGIC)?;
            file = OpenOptions::new().read(true).write(true).open(path)?;
        }
        let by_commit = CommitTable::with_capacity(bytes.len() / RECORD_BYTES);
        let mut landings = Self { path: path.to_owned(), file, count: 0, by_commit };
        for record in records.unwrap_or_default().chunks_exact(RECORD_BYTES) {
            let Some(landing) = decode(record, landings.count + 1) else { break };
            landings.count += 1;
            landings.by_commit.insert(landing.commit, Revision(landings.count));
        }
        Ok(landings)
    }

    pub(crate) fn newest(&self) -> Revision {
        Revision(self.count)
    }

    pub(crate) fn at(&self, revision: Revision) -> io::Result<Option<Landing>> {
        if revision == Revision::ZERO || revision.0 > self.count {
            return Ok(None);
        }
        let mut record = [0; RECORD_BYTES];
        self.file.read_exact_at(&mut record, offset(revision.0))?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("record of {revision} is damaged"));
        decode(&record, revision.0).map(Some).ok_or_else(damaged)
    }

    pub(crate) fn revision_of(&self, commit: CommitId) -> io::Result<Option<Revision>> {
        for revision in self.by_commit.candidates(commit) {
            if self.at(revision)?.is_some_and(|landing| landing.commit == commit) {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// Writes records after the newest one, without syncing or counting them: a full disk shows here, before the ref
    /// has moved.
    pub(crate) fn write_ahead(&self, landings: &[Landing]) -> io::Result<()> {
        let first = self.count + 1;
        let records: Vec<u8> =
            (first..).zip(landings).flat_map(|(revision, landing)| encode(revision, landing)).collect();
        self.file.write_all_at(&records, offset(first))
    }

    /// Returns what has to be synced before records that were written ahead may count.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Counts the records that [`Landings::write_ahead`] wrote: the ref has moved.
    pub(crate) fn confirm(&mut self, landings: &[Landing]) {
        for landing in landings {
            self.count += 1;
            self.by_commit.insert(landing.commit, Revision(self.count));
        }
    }

    /// Replaces everything after `kept` by other records, all at once.
    pub(crate) fn replace_after(&mut self, kept: Revision, landings: &[Landing]) -> io::Result<()> {
        let mut bytes = vec![0; usize::try_from(offset(kept.0 + 1)).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, 0)?;
        bytes.extend((kept.0 + 1..).zip(landings).flat_map(|(revision, landing)| encode(revision, landing)));
        durable::replace(&self.path, &bytes)?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// Writes records of a journal again, durably. Where the file is damaged further up, history tells what is missing.
pub(crate) fn restore<'a>(path: &Path, records: impl Iterator<Item = (Revision, &'a [Landing])>) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut magic = [0; MAGIC.len()];
    if file.read_exact_at(&mut magic, 0).is_err() || magic != *MAGIC {
        return Ok(());
    }
    for (first, landings) in records {
        let bytes: Vec<u8> =
            (first.0..).zip(landings).flat_map(|(revision, landing)| encode(revision, landing)).collect();
        file.write_all_at(&bytes, offset(first.0))?;
    }
    file.sync_all()
}

/// What has to be done so that the records lead to a head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Newest record that stays.
    pub(crate) kept: Revision,
    /// Records to put after it, oldest first.
    pub(crate) landings: Vec<Landing>,
}

/// Compares records with Git. `first_parent` says what a commit builds on and when it was committed. Costs nothing when
/// they agree, one step per missing revision otherwise.
pub(crate) fn repair<E: From<io::Error>>(
    landings: &Landings,
    head: Option<CommitId>,
    mut first_parent: impl FnMut(CommitId) -> Result<(Option<CommitId>, u64), E>,
) -> Result<Repair, E> {
    let mut missing = Vec::new();
    let mut next = head;
    let mut kept = Revision::ZERO;
    while let Some(commit) = next {
        if let Some(revision) = landings.revision_of(commit)? {
            kept = revision;
            break;
        }
        let (parent, landed_ms) = first_parent(commit)?;
        missing.push(Landing { commit, landed_ms, by: 0 });
        next = parent;
    }
    missing.reverse();
    Ok(Repair { kept, landings: missing })
}

fn offset(revision: u64) -> u64 {
    MAGIC.len() as u64 + (revision - 1) * RECORD_BYTES as u64
}

fn encode(revision: u64, landing: &Landing) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&revision.to_le_bytes());
    record[8..16].copy_from_slice(&landing.landed_ms.to_le_bytes());
    record[16..36].copy_from_slice(landing.commit.as_bytes());
    record[36..40].copy_from_slice(&landing.by.to_le_bytes());
    let sum = crc(&record[..40]);
    record[40..].copy_from_slice(&sum.to_le_bytes());
    record
}

/// Converts records of the format before, as far as they are good.
fn with_numbers(old: &[u8]) -> Vec<u8> {
    let records = old.chunks_exact(OLD_RECORD_BYTES);
    let good = records.zip(1..).map_while(|(record, revision)| {
        let (fields, sum) = record.split_at_checked(36)?;
        let sum = u32::from_le_bytes(sum.try_into().ok()?);
        let is_good = sum == crc(fields) && fields[..8] == u64::to_le_bytes(revision);
        let landed_ms = u64::from_le_bytes(fields[8..16].try_into().ok()?);
        let commit = CommitId::from_bytes(fields[16..36].try_into().ok()?);
        is_good.then(|| encode(revision, &Landing { commit, landed_ms, by: 0 }))
    });
    good.flatten().collect()
}

fn decode(record: &[u8], revision: u64) -> Option<Landing> {
    let number = |range: std::ops::Range<usize>| record.get(range)?.try_into().ok().map(u64::from_le_bytes);
    let short = |range: std::ops::Range<usize>| record.get(range)?.try_into().ok().map(u32::from_le_bytes);
    if number(0..8)? != revision || crc(&record[..40]) != short(40..44)? {
        return None;
    }
    let commit = CommitId::from_bytes(record.get(16..36)?.try_into().ok()?);
    Some(Landing { commit, landed_ms: number(8..16)?, by: short(36..40)? })
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests;
