//! From the bytes of one part to the objects in it, within bounds.

use crate::delivery::DeliveryError;
use bytes::Bytes;
use configbus_proto::v1::ObjectSet;
use prost::Message as _;
use std::io::Read as _;

/// Most bytes of one part after decompression. Stores send parts of about 1 MiB, more only for one large file.
const PART_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Largest window of the decompressor, as a power of two: what a level that stores use needs at most.
const WINDOW_LOG_MAX: u32 = 27;

/// What a part holds.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) trees: Vec<Bytes>,
    pub(crate) blobs: Vec<Bytes>,
    /// Of all objects.
    pub(crate) bytes: u64,
}

/// Unpacks one part.
pub(crate) fn unpack(packed: &Bytes) -> Result<Objects, DeliveryError> {
    let malformed = |reason: String| DeliveryError::Malformed { reason };
    let open = || {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(&packed[..])?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        let mut encoded = Vec::new();
        decoder.take(PART_BYTES_MAX + 1).read_to_end(&mut encoded)?;
        Ok::<_, std::io::Error>(encoded)
    };
    let encoded = open().map_err(|error| malformed(format!("it cannot be decompressed: {error}")))?;
    if encoded.len() as u64 > PART_BYTES_MAX {
        return Err(malformed(format!("one part is over {PART_BYTES_MAX} bytes when decompressed")));
    }
    let ObjectSet { trees, blobs } =
        ObjectSet::decode(Bytes::from(encoded)).map_err(|error| malformed(format!("it cannot be decoded: {error}")))?;
    let bytes = trees.iter().chain(&blobs).map(|object| object.len() as u64).sum();
    Ok(Objects { trees, blobs, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(set: &ObjectSet) -> Bytes {
        zstd::bulk::compress(&set.encode_to_vec(), 3).unwrap().into()
    }

    #[test]
    fn objects_come_out_as_they_went_in() {
        let set = ObjectSet { trees: vec![Bytes::from_static(b"t")], blobs: vec![Bytes::new(), "b".into()] };
        let objects = unpack(&packed(&set)).unwrap();
        assert_eq!((objects.trees, objects.blobs, objects.bytes), (set.trees, set.blobs, 2));
    }

    #[test]
    fn altered_bytes_and_bombs_are_refused() {
        let set = ObjectSet { trees: vec![], blobs: vec![Bytes::from(vec![7; 100_000])] };
        let mut altered = packed(&set).to_vec();
        let last = altered.len() - 1;
        altered.truncate(last);
        assert!(unpack(&altered.into()).is_err());
        assert!(unpack(&Bytes::from_static(b"not zstd")).is_err());
        let bomb = zstd::bulk::compress(&vec![0; 65 * 1024 * 1024], 3).unwrap();
        assert!(bomb.len() < 10_000);
        let error = unpack(&bomb.into()).unwrap_err();
        assert!(error.to_string().contains("over 67108864 bytes when decompressed"), "{error}");
    }
}
