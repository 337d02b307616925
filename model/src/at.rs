//! Points in the history of a namespace, as people name them.

use crate::{CommitId, Revision};
use std::{fmt, str::FromStr};

/// Fewest digits of a commit's id that name it.
const DIGITS_MIN: usize = 7;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A point in the history of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// This revision.
    Revision(Revision),
    /// The revision that was the head at this moment, in milliseconds since the Unix epoch.
    Time(u64),
    /// The revision that is this commit.
    Commit(CommitPrefix),
}

/// The text names no point in history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no point in history, expected a revision (r42), a commit (its first {DIGITS_MIN} digits or more), or a \
     time: 2026-02-28T14:02:00Z, 14:02 (the last one, in UTC) or 30m ago"
)]
pub struct AtError {
    text: String,
}

/// The first digits of a commit's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPrefix(String);

impl CommitPrefix {
    /// Returns the digits, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id, if all of its digits are there.
    pub fn full(&self) -> Option<CommitId> {
        self.0.parse().ok()
    }
}

impl FromStr for CommitPrefix {
    type Err = AtError;

    fn from_str(text: &str) -> Result<Self, AtError> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && (DIGITS_MIN..=40).contains(&text.len()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(AtError::of(text))
        }
    }
}

impl fmt::Display for At {
    /// Writes what [`At::parse`] reads as the same point, whenever it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision(revision) => revision.fmt(f),
            Self::Commit(commit) => f.write_str(commit.as_str()),
            Self::Time(ms) => {
                let (year, month, day) = date(ms / DAY_MS);
                let (hour, minute) = (ms / HOUR_MS % 24, ms / MINUTE_MS % 60);
                let (second, rest) = (ms / SECOND_MS % 60, ms % SECOND_MS);
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
            }
        }
    }
}

impl At {
    /// Reads a revision, a commit or a time. Times of day and ages are taken from `now_ms`; without a zone a time is UTC.
    pub fn parse(text: &str, now_ms: u64) -> Result<Self, AtError> {
        let text = text.trim();
        if let Ok(revision) = text.parse()
            && text.len() < 40
        {
            return Ok(Self::Revision(revision));
        }
        if let Ok(commit) = text.parse() {
            return Ok(Self::Commit(commit));
        }
        let time = age(text).map(|age| now_ms.saturating_sub(age)).or_else(|| time_of_day(text, now_ms));
        time.or_else(|| moment(text)).map(Self::Time).ok_or_else(|| AtError::of(text))
    }

    /// Returns whether a text names another moment whenever it is read: `14:02`, `30m ago`.
    pub fn is_relative(text: &str) -> bool {
        let is_time = matches!(Self::parse(text, 2 * DAY_MS), Ok(Self::Time(_)));
        is_time && age(text.trim()).or_else(|| clock(text.trim())).is_some()
    }
}

impl AtError {
    fn of(text: &str) -> Self {
        Self { text: text.chars().take(60).collect() }
    }
}

/// Reads `90s`, `30m`, `2h`, `3d`, with or without `ago`.
fn age(text: &str) -> Option<u64> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => SECOND_MS,
        "m" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        _ => return None,
    };
    digits(number)?.checked_mul(unit_ms)
}

/// Reads `14:02` or `14:02:05` as the last time it was that late.
fn time_of_day(text: &str, now_ms: u64) -> Option<u64> {
    let today = now_ms / DAY_MS * DAY_MS + clock(text)?;
    if today <= now_ms { Some(today) } else { today.checked_sub(DAY_MS) }
}

/// Reads RFC 3339, where the zone, the seconds and all of the time may be missing.
fn moment(text: &str) -> Option<u64> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut parts = day.split('-').map(|part| Some((part.len(), digits(part)?)));
    let (Some(Some((4, year))), Some(Some((2, month))), Some(Some((2, day)))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let midnight = days(year, month, day)?.checked_mul(DAY_MS)?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else { return rest.is_empty().then_some(midnight) };
    let (time, offset_ms) = zone(rest)?;
    midnight.checked_add(clock(time)?)?.checked_add_signed(-offset_ms)
}

/// Splits the zone off a time of day, and returns how far it is ahead of UTC.
fn zone(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, 0)) };
    let (time, zone) = text.split_at(at);
    let ahead = i64::try_from(clock(&zone[1..]).filter(|_| zone.len() == 6)?).ok()?;
    Some((time, if zone.starts_with('-') { -ahead } else { ahead }))
}

/// Reads `14:02`, `14:02:05` or `14:02:05.123` as milliseconds since midnight.
fn clock(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let two = |part: &str, below: u64| digits(part).filter(|number| part.len() == 2 && *number < below);
    let mut parts = whole.split(':');
    let (hour, minute) = (two(parts.next()?, 24)?, two(parts.next()?, 60)?);
    let second = parts.next().map_or(Some(0), |part| two(part, 60))?;
    let has_seconds = whole.len() == 8;
    if parts.next().is_some() || (text.contains('.') && !(has_seconds && (1..=9).contains(&fraction.len()))) {
        return None;
    }
    let milliseconds = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<3}")[..3])? };
    digits(if fraction.is_empty() { "0" } else { fraction })?;
    Some(hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + milliseconds)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Counts days since the Unix epoch. Years are counted from March, so that the leap day is a year's last day.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year < 1970 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468)
}

/// Returns year, month and day of a day since the Unix epoch.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
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

    /// 2026-02-28 14:30:00 UTC.
    const NOW: u64 = 1_772_289_000_000;

    fn time(text: &str) -> Option<u64> {
        match At::parse(text, NOW) {
            Ok(At::Time(ms)) => Some(ms),
            _ => None,
        }
    }

    #[test]
    fn revisions_and_commits_are_told_apart() {
        assert_eq!(At::parse("r42", NOW), Ok(At::Revision(Revision(42))));
        assert_eq!(At::parse("12345678", NOW), Ok(At::Revision(Revision(12_345_678))));
        let Ok(At::Commit(short)) = At::parse("CE01362", NOW) else { panic!("no commit") };
        assert_eq!((short.as_str(), short.full()), ("ce01362", None));
        let all = "1".repeat(40);
        let Ok(At::Commit(full)) = At::parse(&all, NOW) else { panic!("no commit") };
        assert_eq!(full.full().unwrap().to_string(), all);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let two_past_two = NOW - 28 * MINUTE_MS;
        for text in [
            "14:02",
            "14:02:00",
            "28m",
            "28m ago",
            "1680s ago",
            "2026-02-28T14:02:00Z",
            "2026-02-28 14:02",
            "2026-02-28T15:02:00.000+01:00",
            "2026-02-28t08:32:00-05:30",
        ] {
            assert_eq!(time(text), Some(two_past_two), "{text}");
        }
        assert_eq!(time("14:31"), Some(NOW + MINUTE_MS - DAY_MS));
        assert!(["14:31", " 30m ago", "2h"].iter().all(|text| At::is_relative(text)));
        assert!(
            !["r4", "ce01362", "1234567d", "2026-02-28", "2026-02-28 14:02"].iter().any(|text| At::is_relative(text))
        );
        assert_eq!(time("2026-02-28"), Some(NOW / DAY_MS * DAY_MS));
        assert_eq!(time("2026-02-28T14:30:00.1234Z"), Some(NOW + 123));
        assert_eq!(time("2024-02-29T00:00:00Z"), Some(1_709_164_800_000));
        assert_eq!(time("1970-01-01"), Some(0));
    }

    #[test]
    fn what_names_nothing_is_refused_with_what_would() {
        for text in [
            "",
            "latest",
            "r",
            "ce0136",
            "25:00",
            "14:60",
            "14:2",
            "2026-02-29",
            "2026-13-01",
            "2026-2-1",
            "1969-12-31",
            "2026-02-28T14:02:00X",
            "2026-02-28T14:02.5Z",
            "14:02:00.",
            "5w",
            "-5m",
            "ago",
            "99999999999999999999m",
            "2026-02-28T14:02+1:00",
            "ü2026-02-2",
        ] {
            let error = At::parse(text, NOW).unwrap_err().to_string();
            assert!(error.contains("30m ago"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in ["r42", "ce01362", "2026-02-28T14:02:00.123Z", "2000-02-29T23:59:59.999Z", "14:02", "3d"] {
            let at = At::parse(text, NOW).unwrap();
            assert_eq!(At::parse(&at.to_string(), 0), Ok(at));
        }
    }
}
