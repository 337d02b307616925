//! The pack format (gitformat-pack): header, deflated objects, checksum.

use super::index::{IndexEntry, encode_index};
use crate::{ObjectKind, disk::hash::Checksum};
use bytes::Bytes;
use configbus_model::ObjectId;
use flate2::{Compression, write::ZlibEncoder};
use std::io::{self, Write};

/// One object to put into a pack.
#[derive(Debug, Clone)]
pub(crate) struct PackObject {
    pub(crate) kind: ObjectKind,
    pub(crate) id: ObjectId,
    pub(crate) content: Bytes,
}

/// A pack and its index, in memory.
pub(crate) struct EncodedPack {
    /// Checksum of the pack, which names its files.
    pub(crate) name: String,
    pub(crate) pack: Vec<u8>,
    pub(crate) index: Vec<u8>,
}

/// Encodes distinct objects.
pub(crate) fn encode(objects: &[PackObject]) -> io::Result<EncodedPack> {
    let mut pack = Vec::new();
    let mut writer = PackWriter::start(&mut pack, objects.len())?;
    let mut entries = Vec::with_capacity(objects.len());
    for object in objects {
        let (offset, crc) = writer.write(object.kind, &object.content)?;
        entries.push(IndexEntry { id: object.id, offset, crc });
    }
    let checksum = writer.finish()?;
    Ok(EncodedPack { name: hex::encode(checksum), index: encode_index(entries, checksum), pack })
}

/// Writes a pack from beginning to end, object by object.
pub(crate) struct PackWriter<W> {
    writer: W,
    checksum: Checksum,
    offset: u64,
    left: usize,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack of exactly `count` objects.
    pub(crate) fn start(writer: W, count: usize) -> io::Result<Self> {
        let mut this = Self { writer, checksum: Checksum::default(), offset: 0, left: count };
        let count = u32::try_from(count).map_err(io::Error::other)?;
        this.put(&[b"PACK".as_slice(), &2u32.to_be_bytes(), &count.to_be_bytes()].concat())?;
        Ok(this)
    }

    /// Adds an object and returns where it begins and the CRC-32 of its encoding.
    pub(crate) fn write(&mut self, kind: ObjectKind, content: &[u8]) -> io::Result<(u64, u32)> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("more objects than were announced"))?;
        let mut encoded = object_header(kind, content.len());
        let mut deflate = ZlibEncoder::new(&mut encoded, Compression::fast());
        deflate.write_all(content)?;
        deflate.finish()?;
        let mut crc = flate2::Crc::new();
        crc.update(&encoded);
        let offset = self.offset;
        self.put(&encoded)?;
        Ok((offset, crc.sum()))
    }

    /// Ends the pack and returns its checksum.
    pub(crate) fn finish(mut self) -> io::Result<[u8; 20]> {
        if self.left > 0 {
            return Err(io::Error::other("fewer objects than were announced"));
        }
        let checksum = self.checksum.finish();
        self.writer.write_all(&checksum)?;
        self.writer.flush()?;
        Ok(checksum)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.offset += bytes.len() as u64;
        self.writer.write_all(bytes)
    }
}

/// Kind in three bits, then the size in groups of seven, the first of four, lowest first.
fn object_header(kind: ObjectKind, size: usize) -> Vec<u8> {
    let kind: u8 = match kind {
        ObjectKind::Commit => 1,
        ObjectKind::Tree => 2,
        ObjectKind::Blob => 3,
        ObjectKind::Tag => 4,
    };
    let low = |size: usize, mask: usize| u8::try_from(size & mask).expect("the mask leaves seven bits at most");
    let mut header = vec![kind << 4 | low(size, 0x0f)];
    let mut rest = size >> 4;
    while rest > 0 {
        *header.last_mut().expect("a header has a first byte") |= 0x80;
        header.push(low(rest, 0x7f));
        rest >>= 7;
    }
    header
}
