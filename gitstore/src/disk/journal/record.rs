//! One landing as the journal keeps it: from which head to which, the revisions in between, and the pack they came in.
//!
//! 24 bytes of header: magic, CRC-32 of everything after it, sequence number, length of the body. A record counts only if
//! it is whole and its number is the one expected: what an earlier use of the file left behind has a lower one.

use crate::disk::{landings::Landing, pack::EncodedPack};
use configbus_model::{CommitId, ObjectId, Revision};

const MAGIC: &[u8; 4] = b"CBJR";
const HEADER_BYTES: usize = 24;

/// Records begin at multiples of this, so that overwriting one never has to read what is there.
pub(super) const ALIGNMENT: usize = 4_096;

/// What a landing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The head before.
    pub(crate) base: Option<CommitId>,
    /// Revision of the first landing.
    pub(crate) first: Revision,
    /// Oldest first; the last is the head afterwards.
    pub(crate) landings: Vec<Landing>,
    /// The pack that was made for it; a push has its objects from Git.
    pub(crate) pack: Option<Written>,
}

/// A pack and its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) pack: Vec<u8>,
    pub(crate) index: Vec<u8>,
}

impl Written {
    /// Returns the name of its files, without the extension: the checksum that ends the pack.
    pub(crate) fn name(&self) -> String {
        let checksum = self.pack.last_chunk::<20>().copied().unwrap_or_default();
        format!("pack-{}", hex::encode(checksum))
    }
}

/// What to append, without copying what may be long.
pub(crate) struct Parts<'a> {
    pub(crate) base: Option<CommitId>,
    pub(crate) first: Revision,
    pub(crate) landings: &'a [Landing],
    pub(crate) pack: Option<&'a EncodedPack>,
}

/// Encodes a record up to the next multiple of [`ALIGNMENT`].
pub(super) fn encode(parts: &Parts<'_>, sequence: u64) -> Vec<u8> {
    let (pack, index) = parts.pack.map_or((&[][..], &[][..]), |pack| (&pack.pack, &pack.index));
    let mut bytes = Vec::with_capacity(pack.len() + index.len() + parts.landings.len() * 32 + ALIGNMENT);
    bytes.extend(MAGIC);
    bytes.extend([0; HEADER_BYTES - MAGIC.len()]);
    bytes.extend(parts.base.map_or([0; 20], |base| *base.as_bytes()));
    bytes.extend(parts.first.0.to_le_bytes());
    push_length(parts.landings.len(), &mut bytes);
    for landing in parts.landings {
        bytes.extend(landing.commit.as_bytes());
        bytes.extend(landing.landed_ms.to_le_bytes());
        bytes.extend(landing.by.to_le_bytes());
    }
    for part in [pack, index] {
        push_length(part.len(), &mut bytes);
        bytes.extend(part);
    }
    let length = (bytes.len() - HEADER_BYTES) as u64;
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    let sum = crc(&bytes[8..]);
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

/// Reads the record that begins `bytes`, and how much of them it takes; `None` where there is none, or a torn one.
pub(super) fn decode(bytes: &[u8], sequence: u64) -> Option<(Record, usize)> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let length = usize::try_from(u64::from_le_bytes(header[16..24].try_into().ok()?)).ok()?;
    let sum = u32::from_le_bytes(header[4..8].try_into().ok()?);
    let is_expected = header.starts_with(MAGIC) && header[8..16] == sequence.to_le_bytes();
    let body = rest.get(..length)?;
    if !is_expected || crc(&bytes[8..HEADER_BYTES + length]) != sum {
        return None;
    }
    let mut fields = Fields(body);
    let base = fields.id()?;
    let first = Revision(u64::from_le_bytes(*fields.take::<8>()?));
    let count = fields.length()?;
    let landings: Option<Vec<Landing>> = (0..count).map(|_| fields.landing()).collect();
    let (pack, index) = (fields.bytes()?.to_vec(), fields.bytes()?.to_vec());
    let pack = (!pack.is_empty()).then_some(Written { pack, index });
    let record =
        Record { base: Some(base).filter(|base| *base != ObjectId::ZERO.into()), first, landings: landings?, pack };
    Some((record, (HEADER_BYTES + length).next_multiple_of(ALIGNMENT)))
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn id(&mut self) -> Option<CommitId> {
        self.take().copied().map(CommitId::from_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*self.take()?)).ok()
    }

    fn landing(&mut self) -> Option<Landing> {
        let commit = self.id()?;
        let landed_ms = u64::from_le_bytes(*self.take()?);
        Some(Landing { commit, landed_ms, by: u32::from_le_bytes(*self.take()?) })
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

fn push_length(length: usize, bytes: &mut Vec<u8>) {
    bytes.extend(u32::try_from(length).expect("a batch is bounded far below 4 GiB").to_le_bytes());
}

pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
