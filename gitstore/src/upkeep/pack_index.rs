//! One index over many packs, with bitmaps of what is reachable: for clones and fetches, which stock Git serves.
//!
//! It is written when it is quiet. Packs that it names are not copied into others while changes land, so that it stays true
//! until it is quiet again; Git looks for what is newer in the packs beside it.

use crate::{
    Store, UpkeepError,
    disk::durable,
    git::{self, ChildError},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

const NAME: &str = "multi-pack-index";

/// Magic, versions, number of chunks, of base files and of packs.
const HEADER_BYTES: u64 = 12;

/// The chunk with the names of the packs.
const NAMES_CHUNK: &[u8; 4] = b"PNAM";

/// Longest list of names that is believed: of packs there are dozens.
const NAMES_BYTES_MAX: u64 = 1 << 20;

const DEADLINE: Duration = Duration::from_secs(600);

/// Returns when the index was written; `None` when there is none.
pub(super) fn written(dir: &Path) -> Option<SystemTime> {
    fs::metadata(dir.join(NAME)).and_then(|metadata| metadata.modified()).ok()
}

/// Returns whether there are bitmaps, be it of all packs or of one.
pub(crate) fn has_bitmaps(dir: &Path) -> io::Result<bool> {
    let mut entries = fs::read_dir(dir)?;
    Ok(entries.any(|entry| entry.is_ok_and(|entry| entry.path().extension() == Some("bitmap".as_ref()))))
}

/// Returns the packs that the index names, without extension; none when there is no index.
pub(super) fn packs(dir: &Path) -> io::Result<BTreeSet<String>> {
    let file = match File::open(dir.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        file => file?,
    };
    let names = names(&file)?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(String::from_utf8_lossy);
    Ok(names.map(|name| name.trim_end_matches(".idx").to_owned()).collect())
}

/// Reads the chunk of names; chunks follow each other in the order of the table that lists them.
fn names(file: &File) -> io::Result<Vec<u8>> {
    let mut header = [0; HEADER_BYTES as usize];
    file.read_exact_at(&mut header, 0)?;
    let mut table = vec![0; (usize::from(header[6]) + 1) * HEADER_BYTES as usize];
    file.read_exact_at(&mut table, HEADER_BYTES)?;
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the index of packs is damaged");
    let offset = |row: &[u8]| row[4..].try_into().map(u64::from_be_bytes).map_err(|_| damaged());
    let rows: Vec<&[u8]> = table.chunks_exact(HEADER_BYTES as usize).collect();
    let chunk = rows.windows(2).find(|pair| pair[0].starts_with(NAMES_CHUNK)).ok_or_else(damaged)?;
    let (start, end) = (offset(chunk[0])?, offset(chunk[1])?);
    let length = end.checked_sub(start).filter(|length| *length <= NAMES_BYTES_MAX).ok_or_else(damaged)?;
    let mut names = vec![0; usize::try_from(length).map_err(|_| damaged())?];
    file.read_exact_at(&mut names, start)?;
    Ok(names)
}

/// Takes the index away: packs that it names are about to go.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    super::remove(&dir.join(NAME))?;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("multi-pack-index-")) {
            super::remove(&path)?;
        }
    }
    Ok(())
}

impl Store {
    /// Writes the index and the bitmaps of all packs.
    pub(super) fn index_packs(&self, dir: &Path) -> Result<(), UpkeepError> {
        let write = |bitmaps: &[&str]| {
            let args = ["multi-pack-index", "write", "--no-progress"].iter().chain(bitmaps);
            git::command(self.dir(), args).config("pack.threads", "1").run(DEADLINE)
        };
        match write(&["--bitmap"]) {
            // Bitmaps need everything that refs lead to in packs. Foreign writes need not be, and may even lack objects.
            Err(ChildError::Failed { .. }) => write(&[]).map(drop)?,
            result => drop(result?),
        }
        durable::sync_dir(dir).map_err(|source| UpkeepError::Io { path: dir.to_owned(), source })?;
        self.inner.handles.reopen();
        Ok(())
    }
}
