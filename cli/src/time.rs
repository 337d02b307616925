//! Moments and ages as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Prints milliseconds since the Unix epoch as UTC, e.g. `2026-02-28 23:59:07Z`.
pub(crate) fn utc(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Prints how long ago that was, e.g. `12 s`, `3 min`, `2 h`, `5 d`; a moment in the future is `0 s`.
pub(crate) fn age(ms: u64) -> String {
    span(Duration::from_millis(now_ms().saturating_sub(ms)))
}

/// Prints a span in its largest unit.
pub(crate) fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Returns milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Converts days since the epoch to year, month and day of the Gregorian calendar. Years are counted from March, so that the
/// leap day is a year's last day.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    const DAYS_BEFORE_EPOCH: u64 = 719_468;
    let days = days + DAYS_BEFORE_EPOCH;
    let (era, of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right_around_leap_days_and_years() {
        let cases = [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400_000, "2000-02-29 00:00:00Z"),
            (951_868_799_999, "2000-02-29 23:59:59Z"),
            (951_868_800_000, "2000-03-01 00:00:00Z"),
            (1_767_225_599_000, "2025-12-31 23:59:59Z"),
            (4_107_542_400_000, "2100-03-01 00:00:00Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(utc(ms), text);
        }
    }

    #[test]
    fn spans_use_one_unit() {
        let spans = [59, 60, 7_199, 86_400].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["59 s", "1 min", "1 h", "1 d"]);
    }
}
