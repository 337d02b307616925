//! A pack that grows in memory, object by object, until it is written as a whole.
//!
//! A landing repeats itself: the directories of the first change come again with twenty other bytes in the second. So a
//! directory whose version before is in the same pack is stored as the difference from it, found by comparing ends, not
//! by searching.

use super::{
    encode::{EncodedPack, KIND_OFS_DELTA, object_header},
    index::{IndexEntry, encode_index},
};
use crate::{ObjectKind, disk::hash::Checksum};
use configbus_model::ObjectId;
use flate2::{Compress, Compression, FlushCompress, Status};
use std::{collections::HashMap, io};

/// Longest chain of differences a reader has to follow inside one pack; stock Git stops at 50.
const CHAIN_MAX: u32 = 40;

/// Shorter content is stored as it is: deflate costs more to begin than it saves.
const STORED_BYTES_MAX: usize = 160;

/// Longest piece that one copy instruction of a difference names in every reader.
const COPY_BYTES_MAX: usize = 0x1_0000;

/// Longest piece that one insert instruction brings.
const INSERT_BYTES_MAX: usize = 127;

/// Where an object of the pack begins, and how many differences lie below it.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    chain: u32,
}

/// Collects distinct objects.
pub(crate) struct PackBuilder {
    bytes: Vec<u8>,
    entries: Vec<IndexEntry>,
    places: HashMap<ObjectId, Place>,
    deflate: Compress,
}

impl PackBuilder {
    pub(crate) fn new() -> Self {
        // The number of objects is filled in at the end.
        let bytes = [b"PACK".as_slice(), &2u32.to_be_bytes(), &[0; 4]].concat();
        let deflate = Compress::new(Compression::fast(), true);
        Self { bytes, entries: Vec::new(), places: HashMap::new(), deflate }
    }

    /// Returns how many bytes there are.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an object that is not there yet.
    pub(crate) fn put(&mut self, kind: ObjectKind, id: ObjectId, content: &[u8]) -> io::Result<()> {
        if self.places.contains_key(&id) {
            return Ok(());
        }
        let start = self.bytes.len();
        object_header(kind.number(), content.len(), &mut self.bytes);
        self.deflate(content)?;
        self.index(id, start, 0);
        Ok(())
    }

    /// Adds a directory as its difference from the version before, where that is in the pack and close to it.
    pub(crate) fn put_tree(
        &mut self,
        id: ObjectId,
        content: &[u8],
        before: Option<(ObjectId, &[u8])>,
    ) -> io::Result<()> {
        if self.places.contains_key(&id) {
            return Ok(());
        }
        let base = before.and_then(|(base, content)| Some((*self.places.get(&base)?, content)));
        let Some((base, old)) = base.filter(|(base, _)| base.chain < CHAIN_MAX) else {
            return self.put(ObjectKind::Tree, id, content);
        };
        let Some(delta) = difference(old, content) else { return self.put(ObjectKind::Tree, id, content) };
        let start = self.bytes.len();
        object_header(KIND_OFS_DELTA, delta.len(), &mut self.bytes);
        push_distance(start as u64 - base.offset, &mut self.bytes);
        self.deflate(&delta)?;
        self.index(id, start, base.chain + 1);
        Ok(())
    }

    /// Ends the pack.
    pub(crate) fn finish(mut self) -> io::Result<EncodedPack> {
        let count = u32::try_from(self.entries.len()).map_err(io::Error::other)?;
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        let checksum = Checksum::default().and(&self.bytes).finish();
        self.bytes.extend(checksum);
        Ok(EncodedPack { name: hex::encode(checksum), index: encode_index(self.entries, checksum), pack: self.bytes })
    }

    fn index(&mut self, id: ObjectId, start: usize, chain: u32) {
        let mut crc = flate2::Crc::new();
        crc.update(&self.bytes[start..]);
        let offset = start as u64;
        self.entries.push(IndexEntry { id, offset, crc: crc.sum() });
        self.places.insert(id, Place { offset, chain });
    }

    fn deflate(&mut self, content: &[u8]) -> io::Result<()> {
        if content.len() <= STORED_BYTES_MAX {
            store(content, &mut self.bytes);
            return Ok(());
        }
        self.deflate.reset();
        let mut rest = content;
        loop {
            self.bytes.reserve(rest.len() + 64);
            let read = self.deflate.total_in();
            let status = self.deflate.compress_vec(rest, &mut self.bytes, FlushCompress::Finish);
            let taken = usize::try_from(self.deflate.total_in() - read).map_err(io::Error::other)?;
            rest = &rest[taken..];
            match status.map_err(io::Error::other)? {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

/// Wraps content into a zlib stream of one block that is not compressed.
fn store(content: &[u8], bytes: &mut Vec<u8>) {
    let length = u16::try_from(content.len()).expect("what is stored is short");
    bytes.extend([0x78, 0x01, 0x01]);
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(content);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in content {
        a += u32::from(*byte);
        b += a;
    }
    // Of so few bytes the sums do not overflow before they are reduced.
    bytes.extend(((b % 65_521) << 16 | (a % 65_521)).to_be_bytes());
}

/// Describes `new` as the ends of `old` with something else between; `None` where that is not worth it.
fn difference(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = &new[head..new.len() - tail];
    // Git takes a difference without any instruction for damage.
    if new.is_empty() || middle.len() > new.len() / 2 {
        return None;
    }
    let mut delta = Vec::with_capacity(middle.len() + 32);
    push_size(old.len(), &mut delta);
    push_size(new.len(), &mut delta);
    push_copy(0, head, &mut delta);
    for piece in middle.chunks(INSERT_BYTES_MAX) {
        delta.push(u8::try_from(piece.len()).expect("pieces are short"));
        delta.extend(piece);
    }
    push_copy(old.len() - tail, tail, &mut delta);
    Some(delta)
}

/// Seven bits a byte, lowest first.
fn push_size(mut size: usize, bytes: &mut Vec<u8>) {
    loop {
        let low = (size & 0x7f) as u8;
        size >>= 7;
        if size == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The instruction says which bytes of offset and length follow; those that are zero do not.
fn push_copy(from: usize, length: usize, bytes: &mut Vec<u8>) {
    let (mut from, mut length) = (from, length);
    while length > 0 {
        let piece = length.min(COPY_BYTES_MAX);
        let at = bytes.len();
        bytes.push(0x80);
        let size = if piece == COPY_BYTES_MAX { 0 } else { piece };
        for (bit, byte) in from.to_le_bytes()[..4].iter().chain(&size.to_le_bytes()[..3]).enumerate() {
            if *byte != 0 {
                bytes[at] |= 1 << bit;
                bytes.push(*byte);
            }
        }
        from += piece;
        length -= piece;
    }
}

/// How far back the base begins: seven bits a byte, highest first, one added for each byte that follows.
pub(super) fn push_distance(distance: u64, bytes: &mut Vec<u8>) {
    let mut encoded = [0; 10];
    let mut at = encoded.len() - 1;
    let mut rest = distance;
    encoded[at] = (rest & 0x7f) as u8;
    loop {
        rest >>= 7;
        if rest == 0 {
            break;
        }
        rest -= 1;
        at -= 1;
        encoded[at] = 0x80 | (rest & 0x7f) as u8;
    }
    bytes.extend(&encoded[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_worth_it_only_where_most_stays() {
        assert_eq!(difference(b"0123456789", b"01234x6789"), Some(b"\x0a\x0a\x90\x05\x01x\x91\x06\x04".to_vec()));
        assert_eq!(difference(b"0123456789", b"abcdefghij"), None);
        assert_eq!(difference(b"0123456789", b""), None);
        assert_eq!(difference(b"0123456789", b"0123456789"), Some(b"\x0a\x0a\x90\x0a".to_vec()));
        assert_eq!(difference(b"aa", b"aaa"), Some(b"\x02\x03\x90\x02\x01a".to_vec()));
    }

    #[test]
    fn copies_of_any_length_are_split_and_skip_zero_bytes() {
        let mut bytes = Vec::new();
        push_copy(0x100, 0x1_0001, &mut bytes);
        assert_eq!(bytes, [0x82, 0x01, 0x96, 0x01, 0x01, 0x01]);
    }

    #[test]
    fn distances_are_those_of_the_format() {
        let encoded = |distance| {
            let mut bytes = Vec::new();
            push_distance(distance, &mut bytes);
            bytes
        };
        assert_eq!((encoded(127), encoded(128), encoded(16_511)), (vec![127], vec![0x80, 0], vec![0xff, 0x7f]));
        assert_eq!(encoded(16_512), [0x80, 0x80, 0]);
    }
}
