//! When a part said something, by its log: to the microsecond, where records on disk know milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Time since midnight, UTC. Two of them are compared; a change that lands at midnight counts as no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeOfDay(Duration);

impl TimeOfDay {
    /// Reads a wall clock.
    pub(crate) fn of(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since_epoch - DAY * u32::try_from(since_epoch.as_secs() / DAY.as_secs()).unwrap_or_default())
    }

    /// Returns when a log says this for the last time.
    pub(crate) fn said(log: &str, phrase: &str) -> Option<Self> {
        Self::parse(log.lines().rfind(|line| line.contains(phrase))?)
    }

    /// Returns how much later this is.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads what a log line begins with, such as `2026-01-31T23:59:59.123456Z`.
    fn parse(line: &str) -> Option<Self> {
        let (_, time) = line.split_whitespace().next()?.strip_suffix('Z')?.split_once('T')?;
        let mut parts = time.splitn(3, ':');
        let mut next = || parts.next()?.parse::<f64>().ok();
        let seconds = next()? * 3_600.0 + next()? * 60.0 + next()?;
        Duration::try_from_secs_f64(seconds).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_it_counts() {
        let log = "started\n2026-01-31T10:00:00.000250Z  INFO landed main r2 x\n2026-01-31T10:00:01Z  INFO landed main r3 x\n";
        let at = |revision: u64| TimeOfDay::said(log, &format!("landed main r{revision} "));
        let (second, third) = (at(2).unwrap(), at(3).unwrap());
        assert_eq!(third.since(second), Duration::from_micros(999_750));
        assert_eq!(at(1), None);
        assert_eq!(TimeOfDay::of(UNIX_EPOCH + DAY * 3 + Duration::from_hours(10)).since(second), Duration::ZERO);
    }
}
