//! JSON Web Tokens: three parts in Base64, the first of which says how the third signs the second.

use std::ops::Range;

/// Accepts a token whose first two parts are JSON objects and which is signed.
pub(super) fn signed(content: &[u8], place: Range<usize>) -> Option<Range<usize>> {
    let mut parts = content[place.clone()].split(|byte| *byte == b'.');
    let mut object = || serde_json::from_slice::<serde_json::Map<_, _>>(&decoded(parts.next()?)?).ok();
    let (header, _claims) = (object()?, object()?);
    let algorithm = header.get("alg").and_then(serde_json::Value::as_str)?;
    (!algorithm.eq_ignore_ascii_case("none")).then_some(place)
}

/// Base64 with `-` and `_`, without padding.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4 + 3);
    for group in text.chunks(4) {
        let bits = group.iter().try_fold(0_u32, |bits, byte| Some(bits << 6 | u32::from(value(byte)?)))?;
        let [_, high, middle, low] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        bytes.extend_from_slice(&[high, middle, low][..group.len().saturating_sub(1)]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_for_urls_is_decoded() {
        for (text, plain) in [("", ""), ("Zg", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("e30", "{}")] {
            assert_eq!(decoded(text.as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(decoded(b"-_8").unwrap(), [0xfb, 0xff]);
        assert_eq!(decoded(b"a+b="), None);
    }
}
