//! Plain scalars that YAML 1.2's core schema takes for numbers but 64 bits cannot hold.

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Beyond 64 bits.
    Integer,
    /// Becomes infinite.
    Float,
}

/// Returns what is wrong with a plain scalar, if it is a number at all.
pub(super) fn misfit(scalar: &str) -> Option<Misfit> {
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
        let text = ["18446744073709551615", "-9223372036854775808", "+1", "0xffffffffffffffff", "0o17", "0644", "00"];
        for scalar in text.into_iter().chain(["1e308", "1.", ".5", "-1.5e-7", "1e-999", "", "-", "0x", "0o8", "1_000"])
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
    fn words_are_no_numbers() {
        for scalar in ["1e", "e9", ".", "..", "1.2.3", "12:30", "2024-01-02", "0b1", ".inf", "1e5x", "٣"] {
            assert_eq!(misfit(scalar), None, "{scalar}");
        }
    }
}
