//! MurmurHash3 for x86, 32 bits, by Austin Appleby: whole, in pieces, and its steps, which Scala's variant combines otherwise.

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// Returns MurmurHash3_x86_32 of bytes with a seed.
pub fn murmur3_32(seed: u32, bytes: &[u8]) -> u32 {
    let mut hash = Murmur3::new(seed);
    hash.write(bytes);
    hash.finish()
}

/// MurmurHash3_x86_32 of pieces, as if they were one: what a targeting rule concatenates need not be put together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Murmur3 {
    hash: u32,
    length: u32,
    /// Bytes that do not make a block yet, least first.
    pending: u32,
}

impl Murmur3 {
    pub(crate) fn new(seed: u32) -> Self {
        Self { hash: seed, length: 0, pending: 0 }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        while !self.length.is_multiple_of(4) {
            let Some((first, rest)) = bytes.split_first() else { return };
            self.push(*first);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks::<4>();
        for block in blocks {
            self.hash = mixed(self.hash, u32::from_le_bytes(*block));
            self.length = self.length.wrapping_add(4);
        }
        rest.iter().for_each(|byte| self.push(*byte));
    }

    fn push(&mut self, byte: u8) {
        self.pending |= u32::from(byte) << (8 * (self.length % 4));
        self.length = self.length.wrapping_add(1);
        if self.length.is_multiple_of(4) {
            self.hash = mixed(self.hash, std::mem::take(&mut self.pending));
        }
    }

    pub(crate) fn finish(self) -> u32 {
        let hash = if self.length.is_multiple_of(4) { self.hash } else { mixed_last(self.hash, self.pending) };
        finalized(hash, self.length)
    }
}

/// Mixes a block in.
#[inline]
pub(crate) const fn mixed(hash: u32, block: u32) -> u32 {
    mixed_last(hash, block).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

/// Mixes the incomplete last block in.
#[inline]
pub(crate) const fn mixed_last(hash: u32, block: u32) -> u32 {
    hash ^ block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

/// Ends with the length.
#[inline]
pub(crate) const fn finalized(hash: u32, length: u32) -> u32 {
    let mut hash = hash ^ length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_reference_implementation() {
        for (seed, text, hash) in [
            (0, "", 0),
            (1, "", 0x514e_28b7),
            (0xffff_ffff, "", 0x81f1_6f39),
            (0x9747_b28c, "aaaa", 0x5a97_808a),
            (0x9747_b28c, "aaa", 0x283e_0130),
            (0x9747_b28c, "aa", 0x5d21_1726),
            (0x9747_b28c, "a", 0x7fa0_9ea6),
            (0x9747_b28c, "Hello, world!", 0x2488_4cba),
        ] {
            assert_eq!(murmur3_32(seed, text.as_bytes()), hash, "{seed} {text:?}");
        }
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let text = b"The quick brown fox jumps over the lazy dog";
        for (first, second) in (0..text.len()).flat_map(|a| (a..text.len()).map(move |b| (a, b))) {
            let mut hash = Murmur3::new(3);
            for piece in [&text[..first], &text[first..second], &text[second..]] {
                hash.write(piece);
            }
            assert_eq!(hash.finish(), murmur3_32(3, text));
        }
    }
}
