//! The checksum that GitHub put into its tokens and npm took over: CRC-32 of the random part, in base 62.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of the checksum.
const CHECKSUM_CHARS: usize = 6;

/// Returns whether the last six characters are the checksum of those before.
pub(super) fn is_checked(body: &[u8]) -> bool {
    let Some(split) = body.len().checked_sub(CHECKSUM_CHARS) else { return false };
    let (random, checksum) = body.split_at(split);
    checksum == base62(crc32(random))
}

fn base62(mut number: u32) -> [u8; CHECKSUM_CHARS] {
    let mut text = [b'0'; CHECKSUM_CHARS];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text
}

/// Bit by bit: thirty bytes of a candidate, not contents.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_published_examples() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // Published by GitHub to show the format; it never was a token.
        assert!(is_checked(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"));
        assert!(!is_checked(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"));
        assert!(!is_checked(b"abc"));
    }
}
