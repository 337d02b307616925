//! The moment by the clock of this host, for rules with dates.

use configbus_switches::Moment;
use rustix::time::{ClockId, clock_gettime};

/// Returns the moment as of the last tick of the kernel's clock, a few milliseconds ago at most: a tenth of the price of the exact
/// one, which would be most of what asking a flag costs.
#[inline]
pub(crate) fn now() -> Moment {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    Moment::from_unix_ms(now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn it_is_the_time_of_the_system() {
        let exact = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let before = exact();
        let found = now().unix_ms();
        // A tick may be old, and is never of the future.
        assert!((before - 1_000..=exact()).contains(&found), "{found} {before}");
    }
}
