//! Which packs to join.

/// Packs that are left when everything is as it should be grow by at least this factor from one to the next, so there
/// are only a few, and an object is written anew only when the packs at hand have doubled.
const FACTOR: u64 = 2;

/// Takes object counts in ascending order and returns how many of the smallest to join, 0 or at least 2.
///
/// The result and the packs that stay form a geometric progression: each has at least twice the objects of all before it
/// together that were joined.
pub(crate) fn packs_to_join(counts: &[u64]) -> usize {
    // From the largest down to where the progression breaks.
    let broken = (1..counts.len()).rev().find(|&at| counts[at] < FACTOR.saturating_mul(counts[at - 1]));
    let Some(broken) = broken else { return 0 };
    let mut joined = broken + 1;
    let mut total: u64 = counts[..joined].iter().sum();
    // What comes out may be too large for its successor, which then joins in.
    while joined < counts.len() && counts[joined] < FACTOR.saturating_mul(total) {
        total += counts[joined];
        joined += 1;
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_progression_is_left_alone_and_small_packs_go_together() {
        assert_eq!(packs_to_join(&[]), 0);
        assert_eq!(packs_to_join(&[7]), 0);
        assert_eq!(packs_to_join(&[5, 10, 20, 400]), 0);
        assert_eq!(packs_to_join(&[5, 5, 100_000]), 2);
        assert_eq!(packs_to_join(&[5, 5, 5, 5, 5, 30, 1_000]), 6);
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_progression(mut counts in prop::collection::vec(1u64..10_000, 0..60)) {
            counts.sort_unstable();
            let joined = packs_to_join(&counts);
            prop_assert!(joined != 1);
            let total: u64 = counts[..joined].iter().sum();
            let mut left: Vec<u64> = if joined > 0 { vec![total] } else { vec![] };
            left.extend(&counts[joined..]);
            prop_assert!(left.windows(2).all(|pair| pair[1] >= 2 * pair[0]), "{left:?}");
        }
    }
}
