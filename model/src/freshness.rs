//! How sure a holder is that what it shows is the newest.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether the head was confirmed lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Freshness {
    /// The upstream confirmed, within the allowed age, that there is nothing newer.
    Fresh,
    /// The last confirmation is older than allowed, or a newer head is known and not applied.
    Stale {
        /// When it was confirmed for the last time, in milliseconds since the Unix epoch.
        since_ms: u64,
    },
    /// Nobody has confirmed it since the holder has it.
    Unknown,
}

impl Freshness {
    /// Judges a confirmation at `confirmed_ms`, seen from `now_ms`. One that lies further in the future than allowed (a
    /// clock was set back) is stale like one that lies in the past, so that it cannot look fresh for hours.
    pub fn of(confirmed_ms: Option<u64>, now_ms: u64, age_max: Duration) -> Self {
        match confirmed_ms {
            None => Self::Unknown,
            Some(confirmed) if u128::from(confirmed.abs_diff(now_ms)) <= age_max.as_millis() => Self::Fresh,
            Some(confirmed) => Self::Stale { since_ms: confirmed },
        }
    }

    /// Returns whether the head was confirmed lately.
    pub fn is_fresh(self) -> bool {
        self == Self::Fresh
    }

    /// Returns the worse of two judgements: what is made of two things is no fresher than either. Known to be old is worse
    /// than unknown.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stale { since_ms: a }, Self::Stale { since_ms: b }) => Self::Stale { since_ms: a.min(b) },
            (stale @ Self::Stale { .. }, _) | (_, stale @ Self::Stale { .. }) => stale,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Fresh, Self::Fresh) => Self::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_confirmed_is_unknown_and_what_is_old_is_stale() {
        let age = Duration::from_secs(10);
        assert_eq!(Freshness::of(None, 5, age), Freshness::Unknown);
        assert_eq!(Freshness::of(Some(1_000), 11_000, age), Freshness::Fresh);
        assert_eq!(Freshness::of(Some(1_000), 11_001, age), Freshness::Stale { since_ms: 1_000 });
    }

    #[test]
    fn two_together_are_as_fresh_as_the_worse() {
        let [early, late] = [1, 2].map(|since_ms| Freshness::Stale { since_ms });
        for (one, other, both) in [
            (Freshness::Fresh, Freshness::Fresh, Freshness::Fresh),
            (Freshness::Fresh, late, late),
            (early, late, early),
            (Freshness::Unknown, late, late),
            (Freshness::Unknown, Freshness::Fresh, Freshness::Unknown),
        ] {
            assert_eq!((one.or_worse(other), other.or_worse(one)), (both, both));
        }
    }

    #[test]
    fn a_clock_set_far_back_is_not_fresh_for_ever() {
        let hour = 3_600_000;
        let judged = Freshness::of(Some(2 * hour), hour, Duration::from_secs(10));
        assert_eq!(judged, Freshness::Stale { since_ms: 2 * hour });
    }
}
