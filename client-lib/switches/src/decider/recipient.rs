//! Whom a decider is asked for, and who is in.

use super::AVAILABILITY_MAX;
use crate::{Id, hash::xxh64};

/// Whom a decider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// Somebody known.
    User(Id<'a>),
    /// Somebody not known yet, by another kind of id. The same id as a user is somebody else.
    Guest(Id<'a>),
    /// Nobody in particular: 64 random bits, drawn by the caller for each call.
    Random(u64),
}

impl<'a> Recipient<'a> {
    /// Returns a user.
    #[inline]
    pub fn user(id: impl Into<Id<'a>>) -> Self {
        Self::User(id.into())
    }

    /// Returns a guest.
    #[inline]
    pub fn guest(id: impl Into<Id<'a>>) -> Self {
        Self::Guest(id.into())
    }
}

/// What makes one key decide otherwise than the next, computed once per key.
///
/// The frozen definition: `salt = XXH64("user:" + key)` or `XXH64("guest:" + key)` with seed 0 over UTF-8;
/// `hash = XXH64(id)` with the salt as seed; `bucket = hash * 10000 / 2^64`, rounded down; in if `bucket < value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeciderSalts {
    user: u64,
    guest: u64,
}

impl DeciderSalts {
    /// Returns the salts of a key.
    pub fn of(key: &str) -> Self {
        let salt = |kind: &str| xxh64(0, format!("{kind}:{key}").as_bytes());
        Self { user: salt("user"), guest: salt("guest") }
    }

    /// Returns where from 0 to 9999 a recipient stands.
    #[inline]
    pub fn bucket(&self, recipient: Recipient<'_>) -> i64 {
        let hash = match recipient {
            Recipient::User(id) => id.hash(self.user),
            Recipient::Guest(id) => id.hash(self.guest),
            Recipient::Random(draw) => draw,
        };
        // The high half of the product, which is below the factor and so fits.
        ((u128::from(hash) * AVAILABILITY_MAX.cast_unsigned() as u128) >> 64) as i64
    }

    /// Returns whether a recipient is in at a value.
    #[inline]
    pub fn is_available(&self, availability: i64, recipient: Recipient<'_>) -> bool {
        self.bucket(recipient) < availability
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made with the reference implementation of XXH64, in another language. Frozen: a change here moves everybody.
    #[test]
    fn vectors_that_hold_for_ever() {
        let mail = "ada@example.org";
        for (key, recipient, bucket) in [
            ("new_db", Recipient::user(0_u64), 3_529),
            ("new_db", Recipient::user(1_u64), 6_163),
            ("new_db", Recipient::user(42_u64), 3_046),
            ("new_db", Recipient::user("42"), 3_046),
            ("new_db", Recipient::user(u64::MAX), 5_319),
            ("new_db", Recipient::user(mail), 783),
            ("new_db", Recipient::guest(42_u64), 4_916),
            ("new_db", Recipient::guest(mail), 7_708),
            ("PublishServerTweetFav", Recipient::user(42_u64), 8_292),
        ] {
            assert_eq!(DeciderSalts::of(key).bucket(recipient), bucket, "{key} {recipient:?}");
        }
    }

    #[test]
    fn the_ends_are_nobody_and_everybody() {
        let salts = DeciderSalts::of("k");
        for draw in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(!salts.is_available(0, Recipient::Random(draw)));
            assert!(salts.is_available(10_000, Recipient::Random(draw)));
            assert!(
                !salts.is_available(-5, Recipient::user(draw)) && salts.is_available(20_000, Recipient::guest(draw))
            );
        }
        assert!(salts.is_available(1, Recipient::Random(0)) && !salts.is_available(9_999, Recipient::Random(u64::MAX)));
    }

    proptest! {
        #[test]
        fn raising_a_value_turns_nobody_off(key in ".{1,20}", id in any::<u64>(), low in 0_i64..=10_000, more in 0_i64..=10_000) {
            let salts = DeciderSalts::of(&key);
            for recipient in [Recipient::user(id), Recipient::guest(id), Recipient::Random(id)] {
                prop_assert!(!salts.is_available(low, recipient) || salts.is_available(low + more, recipient));
            }
        }
    }

    const IDS: u64 = 1_000_000;

    /// Three standard deviations of a count of independent draws.
    fn three_sigma(draws: f64, share: f64) -> f64 {
        3.0 * (draws * share * (1.0 - share)).sqrt()
    }

    #[test]
    fn a_million_ids_are_spread_within_three_sigma() {
        for (key, value) in
            [("new_db", 1), ("a", 100), ("timeline-mixer", 2_500), ("b", 5_000), ("PublishServerTweetFav", 9_990)]
        {
            let salts = DeciderSalts::of(key);
            let count = |recipient: fn(u64) -> Recipient<'static>| {
                (0..IDS).filter(|id| salts.is_available(value, recipient(*id))).count() as f64
            };
            let share = value as f64 / 10_000.0;
            let expected = IDS as f64 * share;
            for found in [count(Recipient::user), count(Recipient::guest)] {
                let off = (found - expected).abs();
                assert!(off <= three_sigma(IDS as f64, share), "{key} at {value}: {found} of {expected}");
            }
        }
    }

    #[test]
    fn keys_and_kinds_are_uncorrelated() {
        let share = 0.25;
        let both = |one: &dyn Fn(u64) -> bool, other: &dyn Fn(u64) -> bool| {
            (0..IDS).filter(|id| one(*id) && other(*id)).count() as f64
        };
        let user = |key: &str| {
            let salts = DeciderSalts::of(key);
            move |id: u64| salts.is_available(2_500, Recipient::user(id))
        };
        let guest = {
            let salts = DeciderSalts::of("k1");
            move |id: u64| salts.is_available(2_500, Recipient::guest(id))
        };
        let pairs =
            [both(&user("k1"), &user("k2")), both(&user("new_db"), &user("new_db2")), both(&user("k1"), &guest)];
        for found in pairs {
            let off = (found - IDS as f64 * share * share).abs();
            assert!(off <= three_sigma(IDS as f64, share * share), "{found} are in both quarters");
        }
    }
}
