//! Trees and blobs become the parts of an update.
//!
//! Each part is one zstd frame, so that it can be checked and stored as it arrives. Parts are cut by uncompressed
//! size: the receiver's memory is what a part must fit, and no message comes near the bound of the transport.

use bytes::Bytes;
use configbus_model::{DELIVERABLE_BYTES_MAX, DELIVERABLE_ENTRIES_MAX, ErrorKind, PathLimits};
use configbus_proto::{MESSAGE_BYTES_MAX, v1};
use prost::Message as _;

/// A part is closed once it holds this much, uncompressed.
const PART_BYTES: usize = 1024 * 1024;

/// What head, lengths and framing add to the objects of a message.
const ENVELOPE_BYTES: usize = 64 * 1024;

/// Largest object that fits a message even if it does not compress.
pub(crate) const OBJECT_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 2 * ENVELOPE_BYTES;

/// Longest entry of a directory in Git's encoding: mode, name and id.
const ENTRY_BYTES_MAX: usize = 7 + PathLimits::DEFAULT.component_bytes_max + 1 + 20;

// What the gate may be set to let through has to reach hosts.
const _: () = assert!(DELIVERABLE_BYTES_MAX as usize <= OBJECT_BYTES_MAX);
const _: () = assert!(DELIVERABLE_ENTRIES_MAX as usize * ENTRY_BYTES_MAX <= OBJECT_BYTES_MAX);

/// Compresses 2 KB of JSON in well under 0.1 ms; higher levels gain little on small parts.
const ZSTD_LEVEL: i32 = 3;

/// Objects cannot be put on the wire.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// One object alone is over the bound of a message.
    #[error("an object of {size_bytes} bytes is over the {OBJECT_BYTES_MAX} bytes that travel in one message")]
    TooLarge { size_bytes: usize },
    /// The compressor gave up.
    #[error("failed to compress objects")]
    Compress(#[source] std::io::Error),
    /// The parts could not be kept.
    #[error("failed to spool an update to disk")]
    Spool(#[source] std::io::Error),
}

impl EncodeError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::Unsupported,
            Self::Compress(_) | Self::Spool(_) => ErrorKind::Internal,
        }
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectShape {
    Tree,
    Blob,
}

/// Cuts a sequence of objects into encoded parts.
#[derive(Default)]
pub(crate) struct Encoder {
    open: v1::ObjectSet,
    open_bytes: usize,
    total_bytes: u64,
}

impl Encoder {
    /// Adds an object; returns the part that it completed, if any.
    pub(crate) fn push(&mut self, shape: ObjectShape, content: Bytes) -> Result<Option<Bytes>, EncodeError> {
        let size_bytes = content.len();
        if size_bytes > OBJECT_BYTES_MAX {
            return Err(EncodeError::TooLarge { size_bytes });
        }
        // A large object gets a part of its own instead of riding on a nearly full one.
        let overflows = self.open_bytes > 0 && self.open_bytes + size_bytes > PART_BYTES;
        let closed = if overflows { Some(self.close()?) } else { None };
        match shape {
            ObjectShape::Tree => self.open.trees.push(content),
            ObjectShape::Blob => self.open.blobs.push(content),
        }
        self.open_bytes += size_bytes;
        self.total_bytes += size_bytes as u64;
        Ok(closed)
    }

    /// Returns the last part, which may be empty, and the uncompressed size of all of them.
    pub(crate) fn finish(mut self) -> Result<(Bytes, u64), EncodeError> {
        Ok((self.close()?, self.total_bytes))
    }

    fn close(&mut self) -> Result<Bytes, EncodeError> {
        self.open_bytes = 0;
        let encoded = std::mem::take(&mut self.open).encode_to_vec();
        zstd::bulk::compress(&encoded, ZSTD_LEVEL).map(Bytes::from).map_err(EncodeError::Compress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(part: &[u8]) -> v1::ObjectSet {
        v1::ObjectSet::decode(&zstd::decode_all(part).unwrap()[..]).unwrap()
    }

    #[test]
    fn small_objects_share_a_part_and_come_back() {
        let mut encoder = Encoder::default();
        assert!(encoder.push(ObjectShape::Tree, Bytes::from_static(b"tree")).unwrap().is_none());
        assert!(encoder.push(ObjectShape::Blob, Bytes::from_static(b"blob")).unwrap().is_none());
        let (last, total) = encoder.finish().unwrap();
        let set = decode(&last);
        assert_eq!((set.trees, set.blobs), (vec![Bytes::from("tree")], vec![Bytes::from("blob")]));
        assert_eq!(total, 8);
    }

    #[test]
    fn parts_are_cut_by_size_and_a_large_object_stands_alone() {
        let mut encoder = Encoder::default();
        let mut parts = Vec::new();
        for size in [600_000, 600_000, 3_000_000, 10] {
            parts.extend(encoder.push(ObjectShape::Blob, Bytes::from(vec![7; size])).unwrap());
        }
        let (last, total) = encoder.finish().unwrap();
        parts.push(last);
        let sizes: Vec<Vec<usize>> =
            parts.iter().map(|part| decode(part).blobs.iter().map(Bytes::len).collect()).collect();
        assert_eq!(sizes, [vec![600_000], vec![600_000], vec![3_000_000], vec![10]]);
        assert_eq!(total, 4_200_010);
    }

    #[test]
    fn nothing_changed_is_one_empty_part() {
        let (last, total) = Encoder::default().finish().unwrap();
        assert_eq!((decode(&last), total), (v1::ObjectSet::default(), 0));
    }

    #[test]
    fn an_object_that_no_message_holds_is_refused_by_size() {
        let object = Bytes::from(vec![0; OBJECT_BYTES_MAX + 1]);
        let error = Encoder::default().push(ObjectShape::Blob, object).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(&OBJECT_BYTES_MAX.to_string()), "{error}");
    }
}
