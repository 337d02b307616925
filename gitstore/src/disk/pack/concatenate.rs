//! Many small packs become one by copying: nothing is inflated, deflated or searched.
//!
//! Differences name their base by how far back it begins, so bodies stay what they are as long as whole packs follow each
//! other. Where two packs have the same object the second copy is left out, because a strict reader refuses it, and what
//! stands after it tells a new distance. A base always comes before what is based on it, so there is no circle.

use super::{
    builder::push_distance,
    encode::KIND_OFS_DELTA,
    index::{IndexEntry, encode_index, entries_of},
    install::{self, Temporary},
};
use crate::disk::hash::Checksum;
use configbus_model::ObjectId;
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Bytes after which what was written is synced: a landing that syncs beside this waits for so much and no more.
const SYNC_BYTES: u64 = 2 << 20;

/// Length of the checksum that ends a pack.
const TRAILER_BYTES: usize = 20;

/// Joins packs, given by their names, into one that is durable when this returns. Returns its name; the old ones stay.
pub(crate) fn concatenate(objects_dir: &Path, names: &[String]) -> io::Result<String> {
    let dir = objects_dir.join("pack");
    let sources = names.iter().map(|name| entries_of(&dir.join(format!("{name}.idx"))));
    let sources = sources.collect::<io::Result<Vec<_>>>()?;
    let distinct: HashSet<ObjectId> = sources.iter().flatten().map(|entry| entry.id).collect();
    let (pack, index) = (Temporary::beside(&dir, "pack"), Temporary::beside(&dir, "idx"));
    let mut joined = Joined::start(&pack.0, distinct.len())?;
    for (name, entries) in names.iter().zip(sources) {
        joined.append(&fs::read(dir.join(format!("{name}.pack")))?, entries)?;
    }
    let (entries, checksum, file) = joined.finish()?;
    file.sync_all()?;
    install::name(&dir, (pack, index), &encode_index(entries, checksum), checksum)
}

/// The pack that comes about.
struct Joined {
    writer: BufWriter<File>,
    checksum: Checksum,
    offset: u64,
    synced: u64,
    entries: Vec<IndexEntry>,
    /// Where each object begins that is in it already.
    places: HashMap<ObjectId, u64>,
    count: usize,
}

impl Joined {
    fn start(path: &Path, count: usize) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)?;
        let mut joined = Self {
            writer: BufWriter::with_capacity(1 << 18, file),
            checksum: Checksum::default(),
            offset: 0,
            synced: 0,
            entries: Vec::with_capacity(count),
            places: HashMap::with_capacity(count),
            count,
        };
        let number = u32::try_from(count).map_err(io::Error::other)?;
        joined.put(&[b"PACK".as_slice(), &2_u32.to_be_bytes(), &number.to_be_bytes()].concat())?;
        Ok(joined)
    }

    fn append(&mut self, pack: &[u8], mut entries: Vec<IndexEntry>) -> io::Result<()> {
        entries.sort_unstable_by_key(|entry| entry.offset);
        let ends = entries.iter().skip(1).map(|entry| entry.offset).chain([(pack.len() - TRAILER_BYTES) as u64]);
        let ends: Vec<u64> = ends.collect();
        let mut moved: HashMap<u64, u64> = HashMap::with_capacity(entries.len());
        for (entry, end) in entries.iter().zip(ends) {
            let bytes = slice(pack, entry.offset, end)?;
            if crc(bytes) != entry.crc {
                return Err(damaged("an object does not have the checksum its index tells"));
            }
            let place = match self.places.get(&entry.id) {
                Some(place) => *place,
                None => self.copy(entry, bytes, &moved)?,
            };
            moved.insert(entry.offset, place);
        }
        Ok(())
    }

    fn copy(&mut self, entry: &IndexEntry, bytes: &[u8], moved: &HashMap<u64, u64>) -> io::Result<u64> {
        let place = self.offset;
        let head = header_bytes(bytes)?;
        let crc = if kind_of(bytes) == KIND_OFS_DELTA {
            let (distance, length) = distance_of(&bytes[head..])?;
            let base = entry.offset.checked_sub(distance).and_then(|base| moved.get(&base));
            let base = base.ok_or_else(|| damaged("a difference has no base"))?;
            let mut start = bytes[..head].to_vec();
            push_distance(place - base, &mut start);
            let body = &bytes[head + length..];
            self.put(&start)?;
            self.put(body)?;
            crc_of(&[&start, body])
        } else {
            self.put(bytes)?;
            entry.crc
        };
        self.entries.push(IndexEntry { id: entry.id, offset: place, crc });
        self.places.insert(entry.id, place);
        Ok(place)
    }

    fn finish(mut self) -> io::Result<(Vec<IndexEntry>, [u8; 20], File)> {
        if self.entries.len() != self.count {
            return Err(damaged("packs and their indexes do not fit"));
        }
        let checksum = self.checksum.finish();
        self.writer.write_all(&checksum)?;
        Ok((self.entries, checksum, self.writer.into_inner().map_err(io::IntoInnerError::into_error)?))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.offset += bytes.len() as u64;
        self.writer.write_all(bytes)?;
        if self.offset - self.synced >= SYNC_BYTES {
            self.writer.flush()?;
            self.writer.get_ref().sync_data()?;
            self.synced = self.offset;
        }
        Ok(())
    }
}

fn kind_of(bytes: &[u8]) -> u8 {
    bytes.first().map_or(0, |first| first >> 4 & 0x07)
}

/// Length of kind and size.
fn header_bytes(bytes: &[u8]) -> io::Result<usize> {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0);
    last.map(|last| last + 1).ok_or_else(|| damaged("an object has no end of its header"))
}

/// Reads how far back a base begins, and in how many bytes that is said.
fn distance_of(bytes: &[u8]) -> io::Result<(u64, usize)> {
    let mut distance = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        distance = distance << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((distance, at + 1));
        }
        distance += 1;
    }
    Err(damaged("a difference does not say how far its base is"))
}

fn slice(pack: &[u8], from: u64, to: u64) -> io::Result<&[u8]> {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    range.and_then(|(from, to)| pack.get(from..to)).ok_or_else(|| damaged("an index points beyond its pack"))
}

fn crc(bytes: &[u8]) -> u32 {
    crc_of(&[bytes])
}

fn crc_of(parts: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
