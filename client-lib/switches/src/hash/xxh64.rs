//! XXH64 by Yann Collet.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// Returns XXH64 of bytes with a seed.
///
/// ```
/// assert_eq!(configbus_switches::xxh64(0, b"abc"), 0x44BC_2CF5_AD77_0999);
/// ```
#[inline]
pub fn xxh64(seed: u64, bytes: &[u8]) -> u64 {
    let (blocks, mut rest) = bytes.as_chunks::<32>();
    let start = if blocks.is_empty() { seed.wrapping_add(P5) } else { striped(seed, blocks) };
    let mut hash = start.wrapping_add(bytes.len() as u64);
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        hash = word_mixed(hash, u64::from_le_bytes(*word));
        rest = after;
    }
    if let Some((half, after)) = rest.split_first_chunk::<4>() {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
        hash = hash.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    avalanche(hash)
}

/// Returns XXH64 of the eight bytes of a number, least first.
#[inline]
pub(crate) fn xxh64_of_u64(seed: u64, number: u64) -> u64 {
    avalanche(word_mixed(seed.wrapping_add(P5).wrapping_add(8), number))
}

fn striped(seed: u64, blocks: &[[u8; 32]]) -> u64 {
    let mut lanes = [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, turn)| lane.rotate_left(turn));
    let sum = turned.fold(0_u64, u64::wrapping_add);
    lanes.iter().fold(sum, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4))
}

#[inline]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[inline]
fn word_mixed(hash: u64, word: u64) -> u64 {
    (hash ^ round(0, word)).rotate_left(27).wrapping_mul(P1).wrapping_add(P4)
}

#[inline]
fn avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outside vectors, made with the reference implementation.
    #[test]
    fn vectors_of_the_reference_implementation() {
        for (seed, text, hash) in VECTORS {
            assert_eq!(xxh64(*seed, text.as_bytes()), *hash, "{seed} {text:?}");
        }
        assert_eq!(xxh64_of_u64(7, 42), xxh64(7, &42_u64.to_le_bytes()));
    }

    const VECTORS: &[(u64, &str, u64)] = &[
        (0, "", 0xEF46_DB37_51D8_E999),
        (0, "a", 0xD24E_C4F1_A98C_6E5B),
        (0, "abc", 0x44BC_2CF5_AD77_0999),
        (0, "abcdefghijklmnopqrstuvwxyz0123456789", 0x64f2_3ecf_1609_b766),
        (2_654_435_761, "", 0xac75_fda2_929b_17ef),
        (2_654_435_761, "user:new_db", 0x0f3b_fa54_fafc_d165),
        (1, "0123456789abcdef0123456789abcdef", 0x048b_8b58_0878_a4a4),
        (9, "The quick brown fox jumps over the lazy dog, twice: The quick brown fox", 0xafb5_b0c3_e43c_c902),
    ];
}
