//! Plain scalars that YAML 1.2's core schema takes for numbers but 64 bits cannot hold, and those that readers do not take
//! for the same.

/// What is wrong with a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Beyond 64 bits.
    Integer,
    /// Becomes infinite.
    Float,
    /// Infinite, or no number: `.inf`, `.nan`.
    NotFinite,
    /// Text by the core schema and a number or a word to the reader of Rust hosts: `1_000`, `0b1`, `tRuE`.
    Ambiguous,
}

/// Returns what is wrong with a plain scalar, if it is no text.
pub(super) fn misfit(scalar: &str) -> Option<Misfit> {
    word(scalar).or_else(|| written_otherwise(scalar).then_some(Misfit::Ambiguous)).or_else(|| beyond(scalar))
}

/// Words of the core schema, and the same in letters that only some readers take.
fn word(scalar: &str) -> Option<Misfit> {
    const WORDS: [&str; 9] = ["true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL"];
    const NOT_FINITE: [&str; 6] = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"];
    let unsigned = scalar.strip_prefix(['-', '+']).unwrap_or(scalar);
    let is_one = |words: &[&str], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match scalar {
        _ if NOT_FINITE.contains(&unsigned) => Some(Misfit::NotFinite),
        _ if is_one(&NOT_FINITE, unsigned) => Some(Misfit::Ambiguous),
        _ => (is_one(&WORDS, scalar) && !WORDS.contains(&scalar)).then_some(Misfit::Ambiguous),
    }
}

/// Whether a scalar is an integer only to some readers: with underscores, binary, with a sign before its radix or a radix in
/// capitals.
fn written_otherwise(scalar: &str) -> bool {
    if integer(scalar).is_some() {
        return false;
    }
    let unsigned = scalar.strip_prefix(['-', '+']).unwrap_or(scalar);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'b' | b'B', ..] => (&unsigned[2..], 2),
        [b'0', b'o' | b'O', ..] => (&unsigned[2..], 8),
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0'..=b'9', ..] => (unsigned, 10),
        _ => return false,
    };
    digits.chars().any(|c| c != '_') && digits.chars().all(|c| c == '_' || c.is_digit(radix))
}

fn beyond(scalar: &str) -> Option<Misfit> {
    let fits = match integer(scalar) {
        Some((digits, radix, is_negative)) => {
            return (!fits_64_bits(digits, radix, is_negative)).then_some(Misfit::Integer);
        }
        None => !is_float(scalar) || scalar.parse::<f64>().is_ok_and(f64::is_finite),
    };
    (!fits).then_some(Misfit::Float)
}

/// Returns whether a plain scalar is a number at all.
pub(super) fn is_number(scalar: &str) -> bool {
    integer(scalar).is_some() || is_float(scalar)
}

/// Splits `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+` into digits, radix and sign.
fn integer(scalar: &str) -> Option<(&str, u32, bool)> {
    let (digits, radix, is_negative) = match scalar.as_bytes() {
        [b'0', b'o', ..] => (&scalar[2..], 8, false),
        [b'0', b'x', ..] => (&scalar[2..], 16, false),
        [sign @ (b'-' | b'+'), ..] => (&scalar[1..], 10, *sign == b'-'),
        _ => (scalar, 10, false),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    is_number.then_some((digits, radix, is_negative))
}

fn fits_64_bits(digits: &str, radix: u32, is_negative: bool) -> bool {
    match u64::from_str_radix(digits, radix) {
        Ok(magnitude) if is_negative => magnitude <= i64::MIN.unsigned_abs(),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(scalar: &str) -> bool {
    let unsigned = scalar.strip_prefix(['-', '+']).unwrap_or(scalar);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent));
    has_digits && all_digits(whole) && all_digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_64_bits_fit() {
        let text =
            ["18446744073709551615", "-9223372036854775808", "+1", "0xffffffffffffffff", "0o17", "0644", "00", "-0"];
        for scalar in
            text.into_iter().chain(["1e308", "1.", ".5", "-1.5e-7", "1e-999", "", "-", "0x", "0o8", "true", "~"])
        {
            assert_eq!(misfit(scalar), None, "{scalar}");
        }
    }

    #[test]
    fn numbers_beyond_are_told() {
        for scalar in
            ["18446744073709551616", "-9223372036854775809", "0x10000000000000000", "0o7777777777777777777777"]
        {
            assert_eq!(misfit(scalar), Some(Misfit::Integer), "{scalar}");
        }
        for scalar in ["1e999", "-1.5E+400", "12e3456"] {
            assert_eq!(misfit(scalar), Some(Misfit::Float), "{scalar}");
        }
    }

    #[test]
    fn what_readers_do_not_take_for_the_same_is_told() {
        for scalar in
            ["1_000", "-1_0", "0b1", "0B0", "0XfF", "0O7", "-0x1", "+0o7", "0x_f", "tRuE", "nULL", ".Nan", "-.iNF"]
        {
            assert_eq!(misfit(scalar), Some(Misfit::Ambiguous), "{scalar}");
        }
        for scalar in [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "-.NAN"] {
            assert_eq!(misfit(scalar), Some(Misfit::NotFinite), "{scalar}");
        }
    }

    #[test]
    fn words_are_no_numbers() {
        for scalar in ["1e", "e9", ".", "..", "1.2.3", "12:30", "2024-01-02", "0b2", "0b_", "_1", "inf", "1e5x", "٣"] {
            assert_eq!(misfit(scalar), None, "{scalar}");
        }
    }
}
