//! Inflates a compressed request body piece by piece.
//!
//! Git compresses the list of what it has. The pieces are small on purpose: deflate expands up to a thousandfold, and
//! what comes out of one piece is in memory at once.

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use std::io::{self, Write as _};

/// Input inflated at a time; at most 4 MiB come out of it.
const PIECE_BYTES: usize = 4 * 1024;

/// Passes a body on as it is, or inflated.
pub(super) enum BodyDecoder {
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl BodyDecoder {
    /// Chooses by the value of `Content-Encoding`; `None` for an encoding nobody speaks.
    pub(super) fn for_encoding(encoding: Option<&str>) -> Option<Self> {
        match encoding {
            None | Some("identity") => Some(Self::Plain),
            Some("gzip" | "x-gzip") => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            Some(_) => None,
        }
    }

    /// Splits a chunk of the body into pieces that [`Self::decode`] takes.
    pub(super) fn split(&self, chunk: &mut Bytes) -> Bytes {
        match self {
            Self::Plain => std::mem::take(chunk),
            Self::Gzip(_) => chunk.split_to(chunk.len().min(PIECE_BYTES)),
        }
    }

    /// Returns the content of one piece.
    pub(super) fn decode(&mut self, piece: Bytes) -> io::Result<Bytes> {
        match self {
            Self::Plain => Ok(piece),
            Self::Gzip(decoder) => {
                decoder.write_all(&piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
        }
    }

    /// Returns what is left at the end of the body; an error when the body broke off.
    pub(super) fn finish(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Plain => Ok(Bytes::new()),
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn inflate(body: &[u8], chunk_bytes: usize) -> io::Result<Vec<u8>> {
        let mut decoder = BodyDecoder::for_encoding(Some("gzip")).unwrap();
        let mut out = Vec::new();
        for chunk in body.chunks(chunk_bytes) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while !chunk.is_empty() {
                let piece = decoder.split(&mut chunk);
                out.extend_from_slice(&decoder.decode(piece)?);
            }
        }
        out.extend_from_slice(&decoder.finish()?);
        Ok(out)
    }

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn chunks_of_any_size_give_the_content() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let body = deflated(&content);
        for chunk_bytes in [1, 7, 4_096, body.len()] {
            assert!(inflate(&body, chunk_bytes).unwrap() == content, "{chunk_bytes}");
        }
    }

    #[test]
    fn what_is_no_gzip_or_broken_off_is_an_error() {
        assert!(inflate(b"0032want ", 100).is_err());
        let body = deflated(&[1; 1_000]);
        assert!(inflate(&body[..body.len() / 2], 100).is_err());
        assert!(BodyDecoder::for_encoding(Some("br")).is_none());
    }

    #[test]
    fn one_piece_cannot_fill_the_memory() {
        let body = deflated(&vec![0; 64 * 1024 * 1024]);
        let mut decoder = BodyDecoder::for_encoding(Some("gzip")).unwrap();
        let mut chunk = Bytes::from(body);
        let mut largest = 0;
        while !chunk.is_empty() {
            let piece = decoder.split(&mut chunk);
            largest = largest.max(decoder.decode(piece).unwrap().len());
        }
        assert!(largest <= 5 * 1024 * 1024, "{largest}");
    }
}
