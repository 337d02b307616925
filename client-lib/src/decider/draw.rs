//! Random draws, one sequence per thread: SplitMix64, which is quick and spread evenly, and nobody's secret.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(std::process::id()));
}

/// Returns 64 random bits.
#[inline]
pub(super) fn random() -> u64 {
    let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread() {
        let (draws, mut upper) = (100_000, 0_u32);
        for _ in 0..draws {
            upper += u32::from(random() > u64::MAX / 4 * 3);
        }
        // Six standard deviations: fails once in a thousand million runs.
        assert!((f64::from(upper) - 25_000.0).abs() < 6.0 * (100_000.0 * 0.25 * 0.75_f64).sqrt(), "{upper}");
    }
}
