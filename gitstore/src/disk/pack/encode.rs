//! The pack format (gitformat-pack): header, deflated objects, checksum.

use crate::{ObjectKind, disk::hash::Checksum};
use flate2::{Compression, write::ZlibEncoder};
use std::io::{self, Write};

/// A pack and its index, in memory.
pub(crate) struct EncodedPack {
    /// Checksum of the pack, which names its files.
    pub(crate) name: String,
    pub(crate) pack: Vec<u8>,
    pub(crate) index: Vec<u8>,
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
        let mut encoded = Vec::new();
        object_header(kind.number(), content.len(), &mut encoded);
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

/// Kind of an object that is stored as its difference from one before it in the same pack.
pub(super) const KIND_OFS_DELTA: u8 = 6;

impl ObjectKind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Tree => 2,
            Self::Blob => 3,
            Self::Tag => 4,
        }
    }
}

/// Kind in three bits, then the size in groups of seven, the first of four, lowest first.
pub(super) fn object_header(kind: u8, size: usize, header: &mut Vec<u8>) {
    let low = |size: usize, mask: usize| u8::try_from(size & mask).expect("the mask leaves seven bits at most");
    let mut last = kind << 4 | low(size, 0x0f);
    let mut rest = size >> 4;
    while rest > 0 {
        header.push(last | 0x80);
        last = low(rest, 0x7f);
        rest >>= 7;
    }
    header.push(last);
}
