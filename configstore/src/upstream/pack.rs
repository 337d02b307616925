//! A pack as it arrived.

use bytes::{Buf as _, Bytes};
use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// A pack in pieces, read as one.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    pieces: VecDeque<Bytes>,
    bytes: u64,
}

impl Pack {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len() as u64;
        self.pieces.push_back(piece);
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.bytes
    }
}

impl Read for Pack {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.front_mut() {
            if piece.has_remaining() {
                let count = piece.len().min(buffer.len());
                piece.copy_to_slice(&mut buffer[..count]);
                return Ok(count);
            }
            self.pieces.pop_front();
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_read_as_one() {
        let mut pack = Pack::default();
        for piece in ["PA", "", "CK", "\0\0\0\x02"] {
            pack.push(Bytes::from_static(piece.as_bytes()));
        }
        let mut content = Vec::new();
        assert_eq!((pack.size_bytes(), pack.read_to_end(&mut content).unwrap()), (8, 8));
        assert_eq!(content, b"PACK\0\0\0\x02");
    }
}
