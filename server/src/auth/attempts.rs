//! How often an address may give a credential that does not hold.
//!
//! Nobody guesses 256 bits; the bound keeps a broken client from filling logs and the audit. So a credential is always
//! looked at, and one that holds is always taken: whoever shares an address with a broken client is not locked out.
//! Only the answer to a wrong one changes, and that it is written down.

use lru::LruCache;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Failures in a row before an address is told to slow down.
const BURST: f64 = 20.0;

/// How often one more is allowed afterwards.
const REFILL_EVERY: Duration = Duration::from_secs(3);

/// Addresses that are remembered; the one that failed longest ago is forgotten first.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(8_192).expect("it is not zero");

/// Failures by address.
#[derive(Debug)]
pub(super) struct Attempts {
    left: LruCache<IpAddr, (f64, Instant)>,
}

/// What to make of one more failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It is answered and written down.
    Counted,
    /// There were too many: come back after this time.
    TooMany(Duration),
}

impl Default for Attempts {
    fn default() -> Self {
        Self { left: LruCache::new(ADDRESSES_MAX) }
    }
}

impl Attempts {
    /// Notes a failure.
    pub(super) fn fail(&mut self, address: IpAddr, now: Instant) -> Attempt {
        let (left, at) = self.left.get_or_insert_mut(neighbourhood(address), || (BURST, now));
        let refilled = now.saturating_duration_since(*at).as_secs_f64() / REFILL_EVERY.as_secs_f64();
        (*left, *at) = ((*left + refilled).min(BURST), now);
        if *left < 1.0 {
            return Attempt::TooMany(REFILL_EVERY.mul_f64(1.0 - *left));
        }
        *left -= 1.0;
        Attempt::Counted
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_is_answered_then_one_at_a_time() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..20 {
            assert_eq!(attempts.fail(address("10.0.0.1"), start), Attempt::Counted);
        }
        assert_eq!(attempts.fail(address("10.0.0.1"), start), Attempt::TooMany(REFILL_EVERY));
        assert_eq!(attempts.fail(address("10.0.0.2"), start), Attempt::Counted);
        assert_eq!(attempts.fail(address("10.0.0.1"), start + REFILL_EVERY), Attempt::Counted);
        assert_ne!(attempts.fail(address("10.0.0.1"), start + REFILL_EVERY), Attempt::Counted);
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_memory_is_bounded() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for host in 0..21_u32 {
            attempts.fail(address(&format!("2001:db8::{host:x}")), start);
        }
        assert_ne!(attempts.fail(address("2001:db8::ffff"), start), Attempt::Counted);
        for number in 0..20_000_u32 {
            attempts.fail(IpAddr::V4(number.into()), start);
        }
        assert_eq!(attempts.left.len(), ADDRESSES_MAX.get());
    }
}
