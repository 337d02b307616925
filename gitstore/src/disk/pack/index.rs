//! The index of a pack, version 2 (gitformat-pack): ids in order with where they are.

use crate::disk::hash::checksum;
use configbus_model::ObjectId;
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Magic and fan-out table.
const HEADER_BYTES: usize = 8 + 256 * 4;
/// Offsets from here on live in a table of their own.
const LARGE_OFFSET: u32 = 0x8000_0000;

pub(super) struct IndexEntry {
    pub(super) id: ObjectId,
    pub(super) offset: u64,
    pub(super) crc: u32,
}

pub(super) fn encode_index(mut entries: Vec<IndexEntry>, pack_checksum: [u8; 20]) -> Vec<u8> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut bytes = MAGIC.to_vec();
    for first in 0..=u8::MAX {
        let up_to = entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
        bytes.extend(u32::try_from(up_to).expect("a pack counts its objects in 32 bits").to_be_bytes());
    }
    bytes.extend(entries.iter().flat_map(|entry| *entry.id.as_bytes()));
    bytes.extend(entries.iter().flat_map(|entry| entry.crc.to_be_bytes()));
    let mut large: Vec<u64> = Vec::new();
    for entry in &entries {
        let small = u32::try_from(entry.offset).ok().filter(|offset| *offset < LARGE_OFFSET);
        let offset = small.unwrap_or_else(|| {
            large.push(entry.offset);
            LARGE_OFFSET | u32::try_from(large.len() - 1).expect("a pack counts its objects in 32 bits")
        });
        bytes.extend(offset.to_be_bytes());
    }
    bytes.extend(large.iter().flat_map(|offset| offset.to_be_bytes()));
    bytes.extend(pack_checksum);
    let own = checksum(&bytes);
    bytes.extend(own);
    bytes
}

/// Returns the ids in an index that somebody wrote.
pub(crate) fn ids_of(index: &Path) -> io::Result<Vec<ObjectId>> {
    let bytes = fs::read(index)?;
    let count = usize::try_from(count(&bytes).ok_or_else(damaged)?).map_err(|_| damaged())?;
    let length = count.checked_mul(20).ok_or_else(damaged)?;
    let ids = bytes.get(HEADER_BYTES..).and_then(|ids| ids.get(..length)).ok_or_else(damaged)?;
    Ok(ids.chunks_exact(20).filter_map(ObjectId::from_slice).collect())
}

/// Returns what an index tells of a pack whose offsets all are short, as those of small packs are.
pub(super) fn entries_of(index: &Path) -> io::Result<Vec<IndexEntry>> {
    let bytes = fs::read(index)?;
    let count = usize::try_from(count(&bytes).ok_or_else(damaged)?).map_err(|_| damaged())?;
    let table = |from: usize, width: usize| {
        let from = HEADER_BYTES + count.checked_mul(from)?;
        bytes.get(from..from.checked_add(count.checked_mul(width)?)?)
    };
    let tables = (|| Some((table(0, 20)?, table(20, 4)?, table(24, 4)?)))();
    let (ids, sums, offsets) = tables.ok_or_else(damaged)?;
    let number = |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes).map_err(|_| damaged());
    let mut entries = Vec::with_capacity(count);
    for ((id, sum), offset) in ids.chunks_exact(20).zip(sums.chunks_exact(4)).zip(offsets.chunks_exact(4)) {
        let (id, offset) = (ObjectId::from_slice(id).ok_or_else(damaged)?, number(offset)?);
        if offset >= LARGE_OFFSET {
            return Err(damaged());
        }
        entries.push(IndexEntry { id, offset: offset.into(), crc: number(sum)? });
    }
    Ok(entries)
}

/// Returns how many objects a pack has.
pub(crate) fn count_of(index: &Path) -> io::Result<u64> {
    let mut header = [0; HEADER_BYTES];
    fs::File::open(index)?.read_exact(&mut header)?;
    count(&header).ok_or_else(damaged)
}

/// The last number of the fan-out table counts them all.
fn count(bytes: &[u8]) -> Option<u64> {
    bytes.strip_prefix(&MAGIC)?;
    let last = bytes.get(HEADER_BYTES - 4..HEADER_BYTES)?;
    Some(u32::from_be_bytes(last.try_into().ok()?).into())
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not an index of version 2")
}
