//! Moments as milliseconds since the epoch, durations as milliseconds, days in UTC.
//!
//! The proleptic Gregorian calendar by days counted from 1 March of year 0, so that leap days come last in a year.

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Reads RFC 3339, as in `2026-01-31T09:30:00Z` or `2026-01-31T09:30:00.250+01:00`.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let offset_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = time.split_at(offset_at);
    let days = parse_date(date)?;
    Some(days * DAY_MS + parse_clock(clock)? - parse_offset(offset)?)
}

fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let days = days_from_civil(year, month, day);
    let is_real = parts.next().is_none() && (1..=12).contains(&month) && civil_from_days(days) == (year, month, day);
    is_real.then_some(days)
}

fn parse_clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hours, minutes, seconds) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let is_digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_real = parts.next().is_none() && is_digits && hours < 24 && minutes < 60 && seconds < 60;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    is_real.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis)
}

fn parse_offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let magnitude = (hours * 60 + minutes) * 60_000;
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -magnitude } else { magnitude })
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Reads `1h30m`, `-1.5s`, `250ms`: numbers, each with one of `h`, `m`, `s`, `ms`. `0` needs no unit.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let (unit_ms, tail) = unit(tail)?;
        total += number.parse::<f64>().ok()? * unit_ms;
        rest = tail;
    }
    let millis = (sign * total).round();
    (!text.is_empty() && millis.abs() < i64::MAX as f64).then_some(millis as i64)
}

fn unit(text: &str) -> Option<(f64, &str)> {
    let units = [("ms", 1.0), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1_000.0)];
    units.into_iter().find_map(|(name, ms)| text.strip_prefix(name).map(|tail| (ms, tail)))
}

/// Name of a part of a moment, and how it is computed.
type Part = (&'static str, fn(i64) -> i64);

/// Parts of a moment that a rule may ask for. Months, days of a month, year and week count from 0 as CEL has it; `getDate`
/// counts from 1, and Sunday is 0.
pub(super) const PARTS: [Part; 10] = [
    ("getFullYear", |ms| civil(ms).0),
    ("getMonth", |ms| civil(ms).1 - 1),
    ("getDate", |ms| civil(ms).2),
    ("getDayOfMonth", |ms| civil(ms).2 - 1),
    ("getDayOfWeek", |ms| (ms.div_euclid(DAY_MS) + 4).rem_euclid(7)),
    ("getDayOfYear", |ms| ms.div_euclid(DAY_MS) - days_from_civil(civil(ms).0, 1, 1)),
    ("getHours", |ms| ms.rem_euclid(DAY_MS) / 3_600_000),
    ("getMinutes", |ms| ms.rem_euclid(3_600_000) / 60_000),
    ("getSeconds", |ms| ms.rem_euclid(60_000) / 1_000),
    ("getMilliseconds", |ms| ms.rem_euclid(1_000)),
];

fn civil(ms: i64) -> (i64, i64, i64) {
    civil_from_days(ms.div_euclid(DAY_MS))
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(parse_timestamp("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_timestamp("2026-11-21T14:00:00.25+01:00"), Some(1_795_266_000_250));
        assert_eq!(parse_timestamp("2024-02-29T23:59:59.999999Z"), Some(1_709_251_199_999));
        for wrong in ["", "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z", "é-T-Z"]
        {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_add_up() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("-1.5s"), Some(-1_500));
        assert_eq!((parse_duration("0"), parse_duration("250ms")), (Some(0), Some(250)));
        assert_eq!(
            (parse_duration(""), parse_duration("5"), parse_duration("1d"), parse_duration(".h")),
            (None, None, None, None)
        );
    }

    #[test]
    fn parts_are_those_of_the_calendar() {
        let saturday = parse_timestamp("2026-11-21T14:05:06.007Z").unwrap();
        let parts: Vec<_> = PARTS.iter().map(|(_, part)| part(saturday)).collect();
        assert_eq!(parts, [2026, 10, 21, 20, 6, 324, 14, 5, 6, 7]);
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverses(days in -1_000_000_i64..4_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
        }

        #[test]
        fn no_text_upsets_a_parser(text in "\\PC{0,40}", ms in any::<i64>()) {
            let _ = (parse_timestamp(&text), parse_duration(&text));
            for (_, part) in PARTS {
                part(ms);
            }
        }
    }
}
