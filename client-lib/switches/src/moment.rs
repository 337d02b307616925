//! Points in time as people write them in files.

use configbus_model::ErrorKind;
use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// A point in time, in milliseconds since 1970 by UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// A text is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no date, expected 2026-12-31 or 2026-12-31T18:00:00Z (or +01:00)")]
pub struct MomentError {
    text: String,
}

impl MomentError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl Moment {
    /// Returns the moment so many milliseconds after 1970.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Returns milliseconds since 1970.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since 1970.
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Parses a date, which is its first moment by UTC, or a time by RFC 3339.
    ///
    /// ```
    /// use configbus_switches::Moment;
    /// assert_eq!(Moment::parse("1970-01-02")?.unix_ms(), 86_400_000);
    /// assert_eq!(Moment::parse("1970-01-01T01:00:00+01:00")?.unix_ms(), 0);
    /// # Ok::<(), configbus_switches::MomentError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        parse(text.trim()).map(Self).ok_or_else(|| MomentError { text: text.to_owned() })
    }
}

impl fmt::Display for Moment {
    /// A date where it is the first moment of one, else a time, by UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS) / 1_000);
        let (year, month, day) = date_of(days);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        if self.0.rem_euclid(DAY_MS) > 0 {
            write!(f, "T{:02}:{:02}:{:02}Z", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        }
        Ok(())
    }
}

fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let mut part = |length| parts.next().and_then(|part| digits(part, length));
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let is_day = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if parts.next().is_some() || !is_day {
        return None;
    }
    let day_ms = days_from_1970(year, month, day) * DAY_MS;
    Some(day_ms + time.map_or(Some(0), parse_time)?)
}

/// Returns milliseconds from midnight UTC; below zero or beyond a day for offsets.
fn parse_time(text: &str) -> Option<i64> {
    let (time, offset_ms) = match text.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => {
            let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
            let sign = match offset.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = offset[1..].split_once(':')?;
            (time, sign * (digits(hours, 2)? * 3_600_000 + digits(minutes, 2)? * 60_000))
        }
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':');
    let mut part = |max| parts.next().and_then(|part| digits(part, 2)).filter(|part| *part <= max);
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + thousandths.parse::<i64>().ok()? - offset_ms)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let fits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in eras of 400 years that begin with March.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The way back: year, month and day.
fn date_of(days_from_1970: i64) -> (i64, i64, i64) {
    let days = days_from_1970 + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2026-11-21T16:51:24Z", 1_795_279_884),
            ("2026-11-21T17:51:24.000+01:00", 1_795_279_884),
            ("2026-11-21 11:21:24-05:30", 1_795_279_884),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            assert_eq!(Moment::parse(text).map(Moment::unix_s), Ok(seconds), "{text}");
        }
        assert_eq!(Moment::parse("1970-01-01T00:00:00.25Z").map(Moment::unix_ms), Ok(250));
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in
            ["1970-01-01", "2000-02-29", "1969-12-31T23:59:59Z", "2026-11-21T16:51:24Z", "2100-03-01", "0001-01-01"]
        {
            assert_eq!(Moment::parse(text).map(|moment| moment.to_string()), Ok(text.to_owned()));
        }
        for day in -719_000..800_000 {
            let text = Moment::from_unix_ms(day * DAY_MS).to_string();
            assert!(Moment::parse(&text).is_ok_and(|parsed| parsed.0 == day * DAY_MS) || text.len() != 10, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00",
            "ä026-01-01T00:00:00é",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }
}
