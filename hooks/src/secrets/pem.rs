//! Private keys in PEM: the words around a key are public, what stands between them is not.

use super::randomness::is_random;
use std::ops::Range;

/// Bytes of Base64 that make a key of what could be an example of its first line. The shortest real one, Ed25519, has 64.
const KEY_CHARS_MIN: usize = 60;

/// Longest key looked for; RSA with 16,384 bits has 13,000.
const KEY_BYTES_MAX: usize = 20_000;

/// Extends the place of the opening line over the key. `None` where no key follows: documents name the line as well.
pub(super) fn private_key(content: &[u8], opening: Range<usize>) -> Option<Range<usize>> {
    let rest = &content[opening.end..content.len().min(opening.end + KEY_BYTES_MAX)];
    let end = rest.windows(5).position(|window| window == b"-----").unwrap_or(rest.len());
    let key = base64_of(&rest[..end]);
    (key.len() >= KEY_CHARS_MIN && is_random(&key)).then(|| opening.start..opening.end + end)
}

/// What is left without line ends, those written as escapes, quotes of a source text, and headers.
fn base64_of(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).replace("\\n", "\n").replace("\\r", "\n");
    let lines = text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || "\"'+,;\\|#>".contains(c)));
    let key = lines.filter(|line| !line.contains(": ") && line.bytes().all(is_base64));
    key.flat_map(str::bytes).collect()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
