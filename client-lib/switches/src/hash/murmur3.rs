//! MurmurHash3 for x86, 32 bits, by Austin Appleby, and its steps, which Scala's variant combines otherwise.

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// Returns MurmurHash3_x86_32 of bytes with a seed.
pub fn murmur3_32(seed: u32, bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<4>();
    let hash = blocks.iter().fold(seed, |hash, block| mixed(hash, u32::from_le_bytes(*block)));
    let last = rest.iter().rev().fold(0, |last, byte| (last << 8) | u32::from(*byte));
    finalized(if rest.is_empty() { hash } else { mixed_last(hash, last) }, bytes.len() as u32)
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
}
