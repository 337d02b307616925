//! Whom a percentage is about.

use crate::hash::{xxh64, xxh64_of_u64};

/// Stable identity of a recipient: a number, or text.
///
/// Text that writes a whole number in the one canonical way (digits without sign or leading zero, below 2^64) *is* that
/// number: one service has the user as an integer, the next has it from a header, and both must decide alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id<'a> {
    /// A number.
    Number(u64),
    /// Any other text.
    Text(&'a str),
}

impl<'a> Id<'a> {
    /// Returns the identity that a text stands for.
    #[inline]
    pub fn of_text(text: &'a str) -> Self {
        canonical(text.as_bytes()).map_or(Self::Text(text), Self::Number)
    }

    /// Hashes with a salt: XXH64 over the eight bytes of a number, least first, or over the UTF-8 of a text.
    #[inline]
    pub fn hash(self, salt: u64) -> u64 {
        match self {
            Self::Number(number) => xxh64_of_u64(salt, number),
            Self::Text(text) => xxh64(salt, text.as_bytes()),
        }
    }
}

impl From<u64> for Id<'_> {
    #[inline]
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Id<'_> {
    /// Negative numbers keep their 64 bits.
    #[inline]
    fn from(number: i64) -> Self {
        Self::Number(number.cast_unsigned())
    }
}

impl<'a> From<&'a str> for Id<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self::of_text(text)
    }
}

impl<'a> From<&'a String> for Id<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Self::of_text(text)
    }
}

#[inline]
fn canonical(text: &[u8]) -> Option<u64> {
    let (first, rest) = text.split_first()?;
    if !first.is_ascii_digit() || text.len() > 20 || (*first == b'0' && !rest.is_empty()) {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_numbers_in_text_are_numbers() {
        for (text, number) in [("0", 0), ("42", 42), ("18446744073709551615", u64::MAX)] {
            assert_eq!(Id::of_text(text), Id::Number(number));
        }
        for text in ["", "042", "+1", "-1", "1 ", "18446744073709551616", "1e3", "a", "９"] {
            assert_eq!(Id::of_text(text), Id::Text(text));
        }
    }
}
