//! One toggle and its decision.

use crate::hash::{finalized, mixed, mixed_last};

/// Seed of Scala's hash of texts.
const STRING_SEED: u32 = 0xf7ca_7fd2;

/// What makes one toggle decide otherwise than the next, computed once per id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToggleSeed {
    seed: u32,
    start: i32,
}

/// For which part of all hashes a toggle is on; fits one atomic word, so that a handle needs no lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToggleCut(u64);

/// Set where the part is not empty; the low half is where it ends.
const SOME: u64 = 1 << 32;

impl ToggleSeed {
    /// Returns the seed of an id.
    pub fn of(id: &str) -> Self {
        let units: Vec<u16> = id.encode_utf16().collect();
        Self { seed: scala_hash(&units), start: java_hash(&units) }
    }

    /// Returns the part that is a fraction of all.
    pub fn cut(self, fraction: f64) -> ToggleCut {
        // Truncated as the original does; at most 2^32.
        let range = (4_294_967_296.0 * fraction) as i64;
        let end = (i64::from(self.start) + range) as i32;
        ToggleCut(if range == 0 { 0 } else { SOME | u64::from(end.cast_unsigned()) })
    }

    /// Returns whether an input falls into a part.
    #[inline]
    pub fn is_on(self, input: i32, cut: ToggleCut) -> bool {
        if cut.0 == 0 {
            return false;
        }
        let hash = finalized(mixed(self.seed, input.cast_unsigned()), 1).cast_signed();
        let (start, end) = (self.start, (cut.0 as u32).cast_signed());
        if start == end {
            true
        } else if start < end {
            (start..=end).contains(&hash)
        } else {
            hash >= start || hash <= end
        }
    }
}

impl ToggleCut {
    /// Returns the part as a word.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns the part of a word.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// A toggle, ready to be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Toggle {
    fraction: f64,
    seed: ToggleSeed,
    cut: ToggleCut,
}

impl Toggle {
    /// Returns the toggle of an id that is on for a fraction, which is brought into 0 to 1.
    pub fn new(id: &str, fraction: f64) -> Self {
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        let seed = ToggleSeed::of(id);
        Self { fraction, seed, cut: seed.cut(fraction) }
    }

    /// Returns the fraction.
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Returns the part of all hashes for which it is on.
    pub fn cut(&self) -> ToggleCut {
        self.cut
    }

    /// Returns whether it is on for an input.
    #[inline]
    pub fn is_on(&self, input: i32) -> bool {
        self.seed.is_on(input, self.cut)
    }
}

/// `java.lang.String.hashCode`.
fn java_hash(units: &[u16]) -> i32 {
    units.iter().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(*unit)))
}

/// `scala.util.hashing.MurmurHash3.stringHash`: pairs of UTF-16 units, the first one high.
fn scala_hash(units: &[u16]) -> u32 {
    let (pairs, rest) = units.as_chunks::<2>();
    let pair = |[first, second]: &[u16; 2]| (u32::from(*first) << 16).wrapping_add(u32::from(*second));
    let hash = pairs.iter().fold(STRING_SEED, |hash, units| mixed(hash, pair(units)));
    let hash = rest.iter().fold(hash, |hash, unit| mixed_last(hash, u32::from(*unit)));
    finalized(hash, units.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vectors_of_finagle() {
        let some = Toggle::new("com.toggle.some", 0.5);
        assert_eq!([999, i32::MIN, i32::MAX].map(|input| some.is_on(input)), [true, false, true]);
        let (t0, t1) = (Toggle::new("com.toggle.t0", 0.001), Toggle::new("com.toggle.t1", 0.001));
        assert_eq!([602, 1129].map(|input| (t0.is_on(input), t1.is_on(input))), [(true, false), (false, true)]);
    }

    #[test]
    fn the_ends_are_nothing_and_everything() {
        for input in (i32::MIN..=i32::MAX).step_by(1_000_003) {
            assert!(!Toggle::new("com.toggle.a", 0.0).is_on(input));
            assert!(Toggle::new("com.toggle.a", 1.0).is_on(input));
        }
        assert_eq!(Toggle::new("com.toggle.a", f64::NAN).fraction().to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn a_million_inputs_are_spread_within_three_sigma() {
        for (id, fraction) in [("com.toggle.a", 0.01), ("com.toggle.b", 0.5), ("com.example.lib.c", 0.9)] {
            let toggle = Toggle::new(id, fraction);
            let on = (0..1_000_000).filter(|input| toggle.is_on(*input)).count() as f64;
            let sigma = (1_000_000.0 * fraction * (1.0 - fraction)).sqrt();
            assert!((on - 1_000_000.0 * fraction).abs() <= 3.0 * sigma, "{id}: {on}");
        }
    }

    proptest! {
        #[test]
        fn raising_a_fraction_turns_nothing_off(id in "[a-z]{2,9}\\.[a-z]{1,20}", input in any::<i32>(), low in 0.0..=1.0, more in 0.0..=1.0) {
            let higher = f64::min(low + more, 1.0);
            prop_assert!(!Toggle::new(&id, low).is_on(input) || Toggle::new(&id, higher).is_on(input));
        }
    }
}
